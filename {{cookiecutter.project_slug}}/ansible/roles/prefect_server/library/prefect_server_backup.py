#!/usr/bin/python
"""Run timers of backups and of the watch, make a backup where one is due, tell of the newest."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_fitness import needs_reload, output_of, unit_state

ARGUMENTS: dict[str, dict[str, Any]] = {
    # Empty before an upgrade, when a backup is made whatever is there.
    "timers": {"type": "list", "elements": "str", "default": []},
    "folder": {"type": "path", "required": True},
    "backs_up": {"type": "bool", "required": True},
    # What to say where there are to be none.
    "no_backup": {"type": "str", "default": ""},
}
NAMES = ("backup", "backup-check", "backup-copy", "watch")
UNITS = [f"prefect-server-{name}.service" for name in NAMES]
WATCHDOG = ["prefect-services-watchdog.service", "prefect-restart-services.service"]
LINES = "5"


def main() -> None:
    """Make the first backup at once, so that whatever is wrong with it is seen."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    timers, folder = wanted["timers"], Path(wanted["folder"])
    states = [unit_state(timer) for timer in timers]
    off = [
        name for name, found in zip(timers, states) if not (found["active"] and found["enabled"])
    ]
    due = wanted["backs_up"] and (not timers or not _backups(folder))
    if needs_reload([*timers, *UNITS, *WATCHDOG]) and not module.check_mode:
        _systemctl(module, "daemon-reload")
    if due and not module.check_mode:
        _systemctl(module, "start", UNITS[0])
    if off and not module.check_mode:
        _systemctl(module, "enable", "--quiet", "--now", *off)
    told = _newest(folder) if wanted["backs_up"] else wanted["no_backup"]
    module.exit_json(changed=bool(due or off), sentence=f"{told}{_failed()}")


def _failed() -> str:
    """Tell which of the units has failed."""
    failed = [
        name for name in UNITS if output_of("systemctl", "is-failed", name).strip() == "failed"
    ]
    return f" {', '.join(failed)} FAILED: journalctl --unit tells why." if failed else ""


def _newest(folder: Path) -> str:
    """Tell the age of the newest backup, and when one was tried."""
    backups = _backups(folder)
    if not backups:
        return "There is no backup yet."
    hours = _age(backups[-1]) / 3600
    check = folder / "last-check"
    tried = f"was {_age(check) / 86400:.1f} days ago" if check.exists() else "is to come"
    return f"The newest backup is {hours:.1f} hours old. The last check of one {tried}."


def _age(path: Path) -> float:
    return time.time() - path.lstat().st_mtime


def _backups(folder: Path) -> list[Path]:
    return sorted(folder.glob("prefect-*.age"))


def _systemctl(module: AnsibleModule, *arguments: str) -> None:
    code, _, wrong = module.run_command(["systemctl", *arguments])
    if code:
        shown = ["--no-pager", "--output=cat", f"--lines={LINES}", f"--unit={UNITS[0]}"]
        last = output_of("journalctl", *shown)
        module.fail_json(msg=f"No backup is made, so nothing goes on: {wrong.strip()}\n{last}")


if __name__ == "__main__":
    main()
