#!/usr/bin/python
"""Remove a server with its data, all but its packages and the backups that it made."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_server_postgres import Postgres
from ansible.module_utils.prefect_worker_confirmed import ARGUMENTS as CONFIRMED
from ansible.module_utils.prefect_worker_confirmed import require_word

ARGUMENTS: dict[str, dict[str, Any]] = {
    **CONFIRMED,
    "units": {"type": "list", "elements": "path", "required": True},
    "paths": {"type": "list", "elements": "path", "required": True},
    "databases": {"type": "list", "elements": "str", "required": True},
    "role": {"type": "str", "required": True},
    "users": {"type": "list", "elements": "str", "required": True},
    # What stays becomes root's, as another user may get the number of one that is removed.
    "stays": {"type": "path", "required": True},
    "comment": {"type": "str", "required": True},
}

DATA = "the database with all runs, blocks and deployments, and the encryption key"


def main() -> None:
    """Stop what runs, then remove what is there; a play that was interrupted goes on."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    wanted, postgres = module.params, Postgres(module)
    commands = [*_units(wanted["units"]), *_paths([*wanted["units"], *wanted["paths"]])]
    if postgres.is_installed:
        commands += postgres.removal(wanted["databases"], wanted["role"])
    commands += [["userdel", name] for name in wanted["users"] if _is_own(name, wanted["comment"])]
    commands += _taken_over(wanted["stays"])
    if commands:
        require_word(module, "prefect_server", DATA)
    for command in commands if not module.check_mode else []:
        module.run_command(command, check_rc=True, cwd="/")
    module.exit_json(changed=bool(commands))


def _units(paths: list[str]) -> list[list[str]]:
    names = [Path(path).name for path in paths if Path(path).exists()]
    return [["systemctl", "disable", "--quiet", "--now", *names]] if names else []


def _paths(paths: list[str]) -> list[list[str]]:
    there = [path for path in paths if os.path.lexists(path)]
    if not there:
        return []
    remove = ["rm", "-rf", "--one-file-system", "--", *there]
    return [remove, ["systemctl", "daemon-reload"]]


def _taken_over(path: str) -> list[list[str]]:
    """Make a folder root's and closed to all others, and only then what is in it."""
    if not Path(path).is_dir() or os.lstat(path).st_uid == 0:
        return []
    chown = ["chown", "--no-dereference"]
    return [
        [*chown, "root:root", path],
        ["chmod", "0700", path],
        [*chown, "--recursive", "root:root", path],
    ]


def _is_own(name: str, comment: str) -> bool:
    try:
        return pwd.getpwnam(name).pw_gecos == comment
    except KeyError:
        return False


if __name__ == "__main__":
    main()
