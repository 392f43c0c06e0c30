#!/usr/bin/python
"""Make the server's role, which PostgreSQL knows by peer authentication, and its database."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS: dict[str, dict[str, Any]] = {
    "user": {"type": "str", "required": True},
    "database": {"type": "str", "required": True},
}
AS_POSTGRES = ["runuser", "--user", "postgres", "--"]


def main() -> None:
    """Make what is missing."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    user, database = module.params["user"], module.params["database"]
    if module.check_mode and not module.get_bin_path("psql"):
        module.exit_json(changed=True)
    missing = []
    if not _has(module, "pg_roles", "rolname", user):
        missing.append(["createuser", "--no-superuser", "--no-createdb", user])
    if not _has(module, "pg_database", "datname", database):
        missing.append(
            ["createdb", f"--owner={user}", "--encoding=UTF8", "-T", "template0", database]
        )
    for command in missing if not module.check_mode else []:
        _run(module, command)
    module.exit_json(changed=bool(missing))


def _has(module: AnsibleModule, catalog: str, column: str, name: str) -> bool:
    query = f"SELECT 1 FROM {catalog} WHERE {column} = '{name}'"
    return _run(module, ["psql", "--no-psqlrc", "-Atc", query]).strip() == "1"


def _run(module: AnsibleModule, command: list[str]) -> str:
    """Return what a program of PostgreSQL's says, run as its own user."""
    code, said, wrong = module.run_command([*AS_POSTGRES, *command], cwd="/")
    if code:
        module.fail_json(msg=f"PostgreSQL does not do what it is asked: {wrong.strip()}")
    return str(said)


if __name__ == "__main__":
    main()
