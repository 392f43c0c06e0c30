#!/usr/bin/python
"""Make the server's role, which PostgreSQL knows by peer authentication, and its databases."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_server_postgres import Postgres
from ansible.module_utils.prefect_worker_secrets import quoted_values

ARGUMENTS: dict[str, dict[str, Any]] = {
    "user": {"type": "str", "required": True},
    "database": {"type": "str", "required": True},
    # Where a backup is restored to try it.
    "scratch": {"type": "str", "required": True},
    "secrets": {"type": "path", "required": True},
}


def main() -> None:
    """Make what is missing."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    user, database = module.params["user"], module.params["database"]
    postgres = Postgres(module)
    if module.check_mode and not postgres.is_installed:
        module.exit_json(changed=True)
    missing = postgres.missing(user, [database, module.params["scratch"]])
    is_there = postgres.has_database(database)
    noted = postgres.ask(NOTED.format(database)) if is_there else ""
    key = _digest(Path(module.params["secrets"]))
    if noted and noted != key:
        module.fail_json(
            msg=f"The encryption key in {module.params['secrets']} is not the one that the "
            f"database {database} was made with, and its blocks could not be read: restore the "
            "file."
        )
    if not noted:
        missing.append(["psql", "-qc", f"COMMENT ON DATABASE \"{database}\" IS '{key}'"])
    for command in missing if not module.check_mode else []:
        postgres.run(command)
    module.exit_json(changed=bool(missing))


# Nobody gets from it to the key, which is random.
NOTED = (
    "SELECT shobj_description(oid, 'pg_database') FROM pg_database "
    "WHERE datname = '{}' AND shobj_description(oid, 'pg_database') IS NOT NULL"
)


def _digest(secrets: Path) -> str:
    """Return what tells one encryption key from another."""
    text = secrets.read_text() if secrets.exists() else ""
    key = quoted_values(text).get("PREFECT_SERVER_ENCRYPTION_KEY", "")
    return f"sha256 of the encryption key: {hashlib.sha256(key.encode()).hexdigest()}"


if __name__ == "__main__":
    main()
