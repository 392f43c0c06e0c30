#!/usr/bin/python
"""Undo what a play has changed of a worker, and prove the worker with the settings it has again."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_api import Api, ApiError
from ansible.module_utils.prefect_worker_atomic import (
    UnwrittenError,
    duplicate,
    link,
    temporary_of,
)
from ansible.module_utils.prefect_worker_installed import installed
from ansible.module_utils.prefect_worker_lock import alone_in
from ansible.module_utils.prefect_worker_online import UnprovedError, last_lines, wait_until_online
from ansible.module_utils.prefect_worker_podman import Podman, Services
from ansible.module_utils.prefect_worker_program import same_worker
from ansible.module_utils.prefect_worker_secrets import secrets_in
from ansible.module_utils.prefect_worker_transaction import (
    HeldError,
    boot,
    end,
    read,
    require_held,
    snapshot,
    take,
)
from ansible.module_utils.prefect_worker_units import UNITS, states, systemctl

CONFIG = Path("/etc/prefect")
ARGUMENTS: dict[str, dict[str, Any]] = {
    "folder": {"type": "path", "required": True},
    "holder": {"type": "dict", "required": True},
    "interrupted": {"type": "dict", "default": {}},
    "timeout": {"type": "int", "required": True},
}


def main() -> None:
    """Undo, prove, forget the snapshot, and say in one sentence what is back."""
    module = AnsibleModule(ARGUMENTS)
    wanted = module.params
    folder = Path(wanted["folder"])
    # Workers have to get to their files, however strict root's own habit is.
    os.umask(0o022)
    # A journal may have what the play wrote, and what was there before.
    for path in CONFIG.rglob("*.secrets.env"):
        module.no_log_values.update(secrets_in(path.read_text()))
    try:
        if not take(folder, wanted["interrupted"], wanted["holder"]):
            module.exit_json(changed=False, sentence="")
        # What the interrupted play started on this machine may still be at work.
        with alone_in(folder):
            if not (record := read(folder)):
                module.exit_json(changed=False, sentence="")
            require_held(record, wanted["holder"])
            sentence = _undo(module, folder, record)
            end(folder)
    except (UnwrittenError, HeldError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True, sentence=sentence)


def _undo(module: AnsibleModule, folder: Path, record: dict[str, Any]) -> str:
    unit = record["unit"]
    if not record["units"].get(unit):
        # There was no worker: the next play makes it, from wherever this one came to.
        return ""
    # Workers of a machine share some of the files.
    with alone_in(UNITS):
        _remove(record["missing"])
        restored = _restore(folder, record)
    switched = _switch(record)
    systemctl("daemon-reload")
    if not (UNITS / unit).exists():
        # What removes the worker was interrupted, too.
        return ""
    try:
        images = _restore_images(module, record)
    finally:
        # Whatever becomes of an engine, the worker is as it was.
        _set_states(record)
    if not record["units"][unit]["active"]:
        return "What was there before is back, a worker that does not run."
    back = "The settings before are back, and the worker is ONLINE with them."
    if switched:
        back = f"The release before, {switched}, is back and ONLINE."
    elif not restored:
        back = "The worker is ONLINE as before."
    return _proved(module, unit) or f"{back}{images}"


def _restore_images(module: AnsibleModule, record: dict[str, Any]) -> str:
    """Give images the names they had, in an engine that runs with what it had; say so, if any."""
    engine, names = record["engine"], record["names"]
    if not engine or not Path(engine["config"], "engine.env").exists():
        # The play was to make it, so it had no image.
        return ""
    files = [path for path in [*record["files"], *record["missing"]] if _is_of(engine, path)]
    if files:
        uid = pwd.getpwnam(engine["user"]).pw_uid
        Services(module, engine["user"], uid, engine["unit"]).listen(new=True)
    restored = bool(names) and Podman(module, engine["address"]).name(names)
    return " The images before are back." if restored else ""


def _is_of(engine: dict[str, str], path: str) -> bool:
    """Tell whether an engine has to be started again for a file."""
    return Path(path).stem == engine["unit"] or Path(path).parent == Path(engine["config"])


def _remove(missing: list[str]) -> None:
    """Remove what the play made, units stopped before; slices have the runs of all workers."""
    made = [path for path in missing if not path.endswith(".slice")]
    units = [Path(path).name for path in made if Path(path).parent == UNITS]
    there = [name for name in units if (UNITS / name).exists() and "@" not in name]
    if there:
        systemctl("disable", "--now", *there)
    for path in made:
        Path(path).unlink(missing_ok=True)
        temporary_of(Path(path)).unlink(missing_ok=True)


def _restore(folder: Path, record: dict[str, Any]) -> list[str]:
    """Give files their content back, as far as they have another, and tell which."""
    for path in record["files"]:
        temporary_of(Path(path)).unlink(missing_ok=True)
    changed = [path for path in record["files"] if not _is_equal(snapshot(folder, path), path)]
    for path in changed:
        duplicate(snapshot(folder, path), Path(path))
    return [*changed, *record["missing"]]


def _is_equal(old: Path, path: str) -> bool:
    if not os.path.lexists(path):
        return False
    pair = [(p.read_bytes(), p.stat().st_mode, p.stat().st_gid) for p in (old, Path(path))]
    return pair[0] == pair[1]


def _switch(record: dict[str, Any]) -> str:
    """Restore the links, unless another play has switched since; return the release, if moved."""
    links, before = _links_in(record), record["links"]["current"]
    current = links / "current"
    with alone_in(Path(record["project"]).parent):
        found = str(current.readlink()) if current.is_symlink() else ""
        if found != before and Path(found).name != record["target"]:
            return ""
        for name, target in record["links"].items():
            link(links / name, target)
    return "" if found == before else Path(before).name


def _links_in(record: dict[str, Any]) -> Path:
    """Return where the worker's links are: earlier, all workers of a project had the same."""
    return Path(record["links_in"] or record["project"])


def _set_states(record: dict[str, Any]) -> None:
    """Have units enabled and active as they were; those started since are started again."""
    for name, was in record["units"].items():
        # Read anew for each: what is done to one unit may disable or start others.
        now = states([name]) if (UNITS / name).exists() else {}
        found = now.get(name, {"active": False, "enabled": False, "since": 0})
        if found["enabled"] != was["enabled"]:
            systemctl("enable" if was["enabled"] else "disable", name)
        if not was["active"]:
            systemctl("stop", name)
        elif not found["active"] or _is_new(record, name, found):
            systemctl("restart", name)


def _is_new(record: dict[str, Any], name: str, found: dict[str, Any]) -> bool:
    """Whether a unit was started with what is undone now."""
    # Uptime begins anew with the machine.
    if record["boot"] != boot() or found["since"] > record["uptime"]:
        return True
    return name == record["unit"] and not _is_same_program(record)


def _is_same_program(record: dict[str, Any]) -> bool:
    pid = systemctl("show", "--property=MainPID", "--value", record["unit"]).strip() or "0"
    started = Path(os.path.realpath(f"/proc/{pid}/cwd"))
    current = (_links_in(record) / "current").resolve()
    return started.parent == current.parent and same_worker(started, current)


def _proved(module: AnsibleModule, unit: str) -> str:
    """Return why the worker does not count as working again; nothing if it does."""
    try:
        wanted = {**installed(unit), "unit": unit, "timeout": module.params["timeout"]}
        module.no_log_values.update(secrets_in("", wanted["api_url"]))
        wait_until_online(Api(wanted, patience=wanted["timeout"]), wanted)
    except (ApiError, UnprovedError, OSError, ValueError) as error:
        return f"What was there before is back, but: {error}\n{last_lines(unit)}"
    return ""


if __name__ == "__main__":
    main()
