#!/usr/bin/python
"""Make the login and the encryption key once, on the machine, for root alone to read.

The login can be made anew, the key cannot: blocks are encrypted with it.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_server_login import UnusableError, secrets_file, usable_values
from ansible.module_utils.prefect_server_postgres import Postgres
from ansible.module_utils.prefect_worker_atomic import UnwrittenError, replace

ARGUMENTS: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "database": {"type": "str", "required": True},
    "rotate_login": {"type": "bool", "default": False},
}
MODE = 0o600


def main() -> None:
    """Write what is missing, and change nothing that is there."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    path = Path(module.params["path"])
    if path.exists():
        _keep(module, path)
    database = module.params["database"]
    postgres = Postgres(module)
    # Blocks of a server that has run here could not be read with another key.
    if postgres.is_installed and postgres.has_database(database):
        module.fail_json(
            msg=f"{path} is missing, but the database {database} is there, and only "
            "with the encryption key of that file its blocks can be read: restore it."
        )
    if not module.check_mode:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    _write(module, path, _made())


def _keep(module: AnsibleModule, path: Path) -> None:
    """Accept the file, with the owner and the mode that it has to have, or give it a login."""
    try:
        values = usable_values(path.read_text())
    except UnusableError as error:
        module.fail_json(msg=f"{path} {error}: correct or restore the file.")
    if module.params["rotate_login"]:
        name = values["PREFECT_API_AUTH_STRING"].partition(":")[0]
        key = values["PREFECT_SERVER_ENCRYPTION_KEY"]
        _write(module, path, bytes(secrets_file(_login(name), key)))
    found = path.stat()
    right = (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (MODE, 0, 0)
    if not right and not module.check_mode:
        os.chown(path, 0, 0)
        path.chmod(MODE)
    module.exit_json(changed=not right)


def _write(module: AnsibleModule, path: Path, content: bytes) -> None:
    """Write the file and end."""
    if not module.check_mode:
        try:
            replace(path, content, MODE)
        except UnwrittenError as error:
            module.fail_json(msg=str(error))
    module.exit_json(changed=True, diff={"prepared": f"{path} is made (secret, not shown)\n"})


def _made() -> bytes:
    """Return a login that nobody can guess, and a key as Fernet takes it."""
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return bytes(secrets_file(_login("admin"), key))


def _login(name: str) -> str:
    return f"{name}:{secrets.token_urlsafe(24)}"


if __name__ == "__main__":
    main()
