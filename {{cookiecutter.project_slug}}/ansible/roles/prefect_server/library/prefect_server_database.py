#!/usr/bin/python
"""Make the server's role, which PostgreSQL knows by peer authentication, and its database."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_secrets import quoted_values

ARGUMENTS: dict[str, dict[str, Any]] = {
    "user": {"type": "str", "required": True},
    "database": {"type": "str", "required": True},
    "secrets": {"type": "path", "required": True},
}
AS_POSTGRES = ["runuser", "--user", "postgres", "--"]
OPTIONS = ["--encoding=UTF8", "--locale=C.UTF-8", "--template=template0"]


def main() -> None:
    """Make what is missing."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    user, database = module.params["user"], module.params["database"]
    if module.check_mode and not module.get_bin_path("psql"):
        module.exit_json(changed=True)
    missing = []
    if not _has(module, "pg_roles", "rolname", user):
        missing.append(["createuser", "--no-superuser", "--no-createdb", user])
    if not (is_there := _has(module, "pg_database", "datname", database)):
        missing.append(["createdb", f"--owner={user}", *OPTIONS, database])
    noted = _ask(module, NOTED.format(database)) if is_there else ""
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
        _run(module, command)
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


def _has(module: AnsibleModule, catalog: str, column: str, name: str) -> bool:
    return _ask(module, f"SELECT 1 FROM {catalog} WHERE {column} = '{name}'") == "1"


def _ask(module: AnsibleModule, query: str) -> str:
    return _run(module, ["psql", "--no-psqlrc", "-Atc", query]).strip()


def _run(module: AnsibleModule, command: list[str]) -> str:
    """Return what a program of PostgreSQL's says, run as its own user."""
    code, said, wrong = module.run_command([*AS_POSTGRES, *command], cwd="/")
    if code:
        module.fail_json(msg=f"PostgreSQL does not do what it is asked: {wrong.strip()}")
    return str(said)


if __name__ == "__main__":
    main()
