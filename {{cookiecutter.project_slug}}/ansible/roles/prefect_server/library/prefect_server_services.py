#!/usr/bin/python
"""Switch to a release, and have every service run with the files that are there now."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_atomic import UnwrittenError, link
from ansible.module_utils.prefect_worker_fitness import needs_reload, output_of, unit_state

SERVICE: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    # Which of its files were changed after its start is seen on the disk, so that an interrupted
    # play leaves nothing undone.
    "files": {"type": "list", "elements": "path", "required": True},
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "root": {"type": "path", "required": True},
    "release": {"type": "str", "required": True},
    # What says that a release was proved, which a restart makes untrue.
    "proved": {"type": "path", "required": True},
    "services": {"type": "list", "elements": "dict", "options": SERVICE, "required": True},
}
UNITS = Path("/etc/systemd/system")
LINES = "15"
LONG = 30


def main() -> None:
    """Stop what is out of date, all of it, then start it in order."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    try:
        switched = _switch(module, Path(wanted["root"], "current"), f"releases/{wanted['release']}")
    except UnwrittenError as error:
        module.fail_json(msg=str(error))
    names = [f"{service['name']}.service" for service in wanted["services"]]
    if needs_reload(names) and not module.check_mode:
        _systemctl(module, "daemon-reload")
    states = {name: unit_state(name) for name in names}
    due = [
        name
        for name, service in zip(names, wanted["services"])
        if not states[name]["active"] or _is_old(name, service["files"], states[name]["started"])
    ]
    disabled = [name for name in names if not states[name]["enabled"]]
    # What starts again and again has never run for long.
    fresh = any(time.time() - state["started"] < LONG for state in states.values())
    if (due or fresh) and not module.check_mode:
        Path(wanted["proved"]).unlink(missing_ok=True)
    if not module.check_mode:
        _bring_up(module, due, disabled)
    module.exit_json(changed=bool(switched or due or disabled), restarted=due)


def _switch(module: AnsibleModule, current: Path, target: str) -> bool:
    found = str(current.readlink()) if current.is_symlink() else ""
    if found != target and not module.check_mode:
        link(current, target)
    return found != target


def _is_old(name: str, files: list[str], started: float) -> bool:
    paths = [*files, str(UNITS / name)]
    return any(os.path.lexists(path) and os.lstat(path).st_mtime > started for path in paths)


def _bring_up(module: AnsibleModule, due: list[str], disabled: list[str]) -> None:
    """An old API must not meet a new database, so nothing is started before all has stopped."""
    if due:
        _systemctl(module, "stop", *reversed(due))
    if disabled:
        _systemctl(module, "enable", "--quiet", *disabled)
    for name in due:
        _systemctl(module, "start", name)


def _systemctl(module: AnsibleModule, *arguments: str) -> None:
    code, _, wrong = module.run_command(["systemctl", *arguments])
    if code:
        units = [word for word in arguments if word.endswith(".service")]
        shown = [f"--unit={unit}" for unit in [*units, "prefect-server-migrate.service"]]
        last = output_of("journalctl", "--no-pager", "--output=cat", f"--lines={LINES}", *shown)
        module.fail_json(msg=f"systemctl {' '.join(arguments)} failed: {wrong.strip()}\n{last}")


if __name__ == "__main__":
    main()
