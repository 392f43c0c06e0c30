#!/usr/bin/python
"""Remove what a worker had; what workers share goes with the last of them."""

from __future__ import annotations

import os
import pwd
import re
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_confirmed import ARGUMENTS as CONFIRMED
from ansible.module_utils.prefect_worker_confirmed import require_word

ARGUMENTS: dict[str, dict[str, Any]] = {
    **CONFIRMED,
    # Ask for the word, and remove nothing.
    "only_ask": {"type": "bool", "default": False},
    "units": {"type": "path", "required": True},
    "stopped": {"type": "list", "elements": "str", "required": True},
    "paths": {"type": "list", "elements": "path", "required": True},
    "config": {"type": "path", "required": True},
    "home": {"type": "path", "required": True},
    "project_paths": {"type": "list", "elements": "path", "required": True},
    "machine_paths": {"type": "list", "elements": "path", "required": True},
    "user_paths": {"type": "list", "elements": "path", "required": True},
    "parents": {"type": "list", "elements": "path", "required": True},
    "user": {"type": "str", "required": True},
    "comment": {"type": "str", "required": True},
}
SETTINGS = "*.secrets.env"
WORKERS = "prefect-worker-*.service"


def main() -> None:
    """Remove, innermost first, and tell what went."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    going = _going(wanted)
    user = _user_goes(wanted)
    if going or user:
        require_word(module, "prefect_worker", _said_to_go(wanted, going))
    if wanted["only_ask"]:
        module.exit_json(changed=False)
    if not module.check_mode:
        # Those that began since the machine was looked at, too. Together, as what removes the files
        # of a run has to be the last to end; and twice, as systemctl looks up once what is there,
        # and a request that had not ended by then may have started a run.
        for _ in range(2):
            module.run_command(["systemctl", "stop", *wanted["stopped"]], check_rc=True)
        for path in going:
            # Python gives up on folders that are a thousand deep, as a flow run can make them.
            module.run_command(["rm", "-rf", "--one-file-system", "--", path], check_rc=True)
        if user:
            _end_manager(module, wanted["user"])
            module.run_command(["userdel", wanted["user"]], check_rc=True)
        if going:
            module.run_command(["systemctl", "daemon-reload"], check_rc=True)
    gone = [*going, *([f"user {wanted['user']}"] if user else [])]
    module.exit_json(
        changed=bool(gone), gone=gone, diff={"prepared": "".join(f"- {g}\n" for g in gone)}
    )


def _said_to_go(wanted: dict[str, Any], going: list[str]) -> str:
    data = f", and {wanted['home']} with every file in it" if wanted["home"] in going else ""
    return f"this worker with its flow runs{data}"


def _end_manager(module: AnsibleModule, user: str) -> None:
    """End the user's own systemd, which a flow run can have had started where polkit lets it."""
    module.run_command(["loginctl", "disable-linger", user])
    module.run_command(["systemctl", "stop", f"user@{pwd.getpwnam(user).pw_uid}.service"])


def _going(wanted: dict[str, Any]) -> list[str]:
    going = list(wanted["paths"])
    config = Path(wanted["config"])
    if not _others(config, SETTINGS, going):
        going += wanted["project_paths"]
        if not _others(config.parent, f"*/{SETTINGS}", going):
            going += wanted["machine_paths"]
    if _was_last_of_user(wanted):
        going += wanted["user_paths"]
    # Somebody else may have something there. One may be in the next.
    for parent in wanted["parents"]:
        if not _others(Path(parent), "*", going):
            going.append(parent)
    return [path for path in going if os.path.lexists(path)]


def _others(folder: Path, pattern: str, going: list[str]) -> list[Path]:
    return [path for path in folder.glob(pattern) if str(path) not in going]


def _was_last_of_user(wanted: dict[str, Any]) -> bool:
    line = re.compile(rf"^User={re.escape(wanted['user'])}$", re.M)
    others = _others(Path(wanted["units"]), WORKERS, wanted["paths"])
    return not any(line.search(unit.read_text()) for unit in others)


def _user_goes(wanted: dict[str, Any]) -> bool:
    """Only a user that the role made, and only with the last worker that runs as this user."""
    try:
        made = pwd.getpwnam(wanted["user"]).pw_gecos == wanted["comment"]
    except KeyError:
        return False
    return made and _was_last_of_user(wanted)


if __name__ == "__main__":
    main()
