#!/usr/bin/python
"""Make the database, the secrets and the certificate authority of a backup those of a machine."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_server_archive import BrokenError, numbers, small_files, version
from ansible.module_utils.prefect_server_login import UnusableError, secrets_file, usable_values
from ansible.module_utils.prefect_server_postgres import Postgres
from ansible.module_utils.prefect_worker_atomic import UnwrittenError, replace
from ansible.module_utils.prefect_worker_fitness import output_of

ARGUMENTS: dict[str, dict[str, Any]] = {
    # On the machine, encrypted to its key.
    "archive": {"type": "path", "required": True},
    # The version that is going to run; empty: only refuse a machine that is a server.
    "prefect": {"type": "str", "default": ""},
    "key": {"type": "path", "required": True},
    "secrets": {"type": "path", "required": True},
    "database": {"type": "str", "required": True},
    "scratch": {"type": "str", "required": True},
    "user": {"type": "str", "required": True},
    "proxy_user": {"type": "str", "required": True},
    # Where Caddy looks for its authority; empty where it has none.
    "authority": {"type": "path", "default": ""},
}
UNIT = "prefect-server-restore.service"
AUTHORITY = {"root.crt": "authority_root.crt", "root.key": "authority_root.key"}
WRITE = 'umask 077; mkdir -p "$(dirname "$1")" && cat > "$1"'


def main() -> None:
    """Restore beside, try it, and only then give everything its name; the database comes last."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    wanted, postgres = module.params, Postgres(module)
    try:
        _require_blank(wanted, postgres)
        if wanted["prefect"]:
            _restore(module, postgres)
    except (BrokenError, UnwrittenError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(wanted["prefect"]))


def _require_blank(wanted: dict[str, Any], postgres: Postgres) -> None:
    name, secrets = wanted["database"], Path(wanted["secrets"])
    is_there = postgres.is_installed and postgres.has_database(name)
    # A restore that was interrupted has left the archive, and goes on.
    begun = Path(wanted["archive"]).exists()
    found = f"the database {name}" if is_there else ""
    if secrets.exists() and not begun:
        found = found or str(secrets)
    if found:
        raise BrokenError(
            f"This machine has {found}, and nothing is restored over a server: take a blank "
            "machine, or remove the server from this one first."
        )


def _restore(module: AnsibleModule, postgres: Postgres) -> None:
    wanted = module.params
    files = small_files(wanted["archive"], wanted["key"])
    secrets = _usable_secrets(files, wanted)
    for command in postgres.missing(wanted["user"], [wanted["scratch"]]):
        postgres.run(command)
    module.run_command(["systemctl", "daemon-reload"], check_rc=True)
    # One that an interrupted play has begun restores another file, perhaps.
    module.run_command(["systemctl", "stop", UNIT], check_rc=True)
    code, _, _ = module.run_command(["systemctl", "start", UNIT])
    if code:
        output_of("journalctl", "--sync")
        shown = ["--no-pager", "--output=cat", "--lines=1", "--identifier=python", f"--unit={UNIT}"]
        said = output_of("journalctl", *shown).strip().splitlines()
        raise BrokenError(f"The backup cannot be restored: {(said or ['?'])[-1]}")
    if wanted["authority"]:
        _write_authority(files, wanted)
    path = Path(wanted["secrets"])
    try:
        replace(path, secrets, 0o600)
        postgres.rename(wanted["scratch"], wanted["database"])
    except BaseException:
        # With the secrets and no database, the machine would count as a server.
        path.unlink(missing_ok=True)
        raise


def _usable_secrets(files: dict[str, bytes], wanted: dict[str, Any]) -> bytes:
    """Return the file of secrets that root writes, in which nothing else of the backup's is."""
    if version(files) > numbers(wanted["prefect"]):
        made = ".".join(map(str, version(files)))
        raise BrokenError(
            f"The backup is of Prefect {made}, and prefect_server_requirements pins "
            f"{wanted['prefect']}, which does not know its database: pin {made} or newer."
        )
    try:
        values = usable_values(files.get("secrets.env", b"").decode(errors="replace"))
    except UnusableError as error:
        raise BrokenError(f"The backup's secrets.env {error}.") from error
    login, key = values["PREFECT_API_AUTH_STRING"], values["PREFECT_SERVER_ENCRYPTION_KEY"]
    return bytes(secrets_file(login, key))


def _write_authority(files: dict[str, bytes], wanted: dict[str, Any]) -> None:
    """Let Caddy find the authority that workers and browsers trust, as its user writes it."""
    account = pwd.getpwnam(wanted["proxy_user"])
    home = Path("/var/lib/prefect-proxy")
    home.mkdir(mode=0o700, exist_ok=True)
    os.chown(home, account.pw_uid, account.pw_gid, follow_symlinks=False)
    for name, member in AUTHORITY.items():
        if member in files:
            path = str(Path(wanted["authority"], name))
            command = ["runuser", "--user", wanted["proxy_user"], "--", "sh", "-c", WRITE, "sh"]
            subprocess.run([*command, path], input=files[member], cwd="/", check=True)


if __name__ == "__main__":
    main()
