#!/usr/bin/python
"""Remove what a worker had; what workers share goes with the last of them."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS: dict[str, dict[str, Any]] = {
    "paths": {"type": "list", "elements": "path", "required": True},
    "config": {"type": "path", "required": True},
    "project_paths": {"type": "list", "elements": "path", "required": True},
    "machine_paths": {"type": "list", "elements": "path", "required": True},
    "user": {"type": "str", "required": True},
    "comment": {"type": "str", "required": True},
}


def main() -> None:
    """Remove, innermost first, and tell what went."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    going = _going(wanted)
    user = _user_goes(wanted, going)
    if not module.check_mode:
        for path in going:
            _remove(Path(path))
        if user:
            module.run_command(["userdel", wanted["user"]], check_rc=True)
        if going:
            module.run_command(["systemctl", "daemon-reload"], check_rc=True)
    gone = [*going, *([f"user {wanted['user']}"] if user else [])]
    module.exit_json(
        changed=bool(gone), gone=gone, diff={"prepared": "".join(f"- {g}\n" for g in gone)}
    )


def _going(wanted: dict[str, Any]) -> list[str]:
    going = list(wanted["paths"])
    config = Path(wanted["config"])
    if not _others(config, "*.secrets.env", going):
        going += wanted["project_paths"]
        if not _others(config.parent, "*", going):
            going += wanted["machine_paths"]
    return [path for path in going if os.path.lexists(path)]


def _others(folder: Path, pattern: str, going: list[str]) -> bool:
    return any(str(path) not in going for path in folder.glob(pattern))


def _user_goes(wanted: dict[str, Any], going: list[str]) -> bool:
    """Only a user that the role made, and only with the last worker of the machine."""
    last = not _others(Path(wanted["config"]).parent, "*", going)
    try:
        return last and pwd.getpwnam(wanted["user"]).pw_gecos == wanted["comment"]
    except KeyError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


if __name__ == "__main__":
    main()
