"""What one play changes of a worker: begun on the disk before, gone when it is proved or undone.

A transaction is a folder that only root can read: a snapshot of the files, which have their old
content as long as the folder is there, and a record of links, units and of the play that holds it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.prefect_worker_atomic import (
    UnwrittenError,
    duplicate,
    flush,
    replace,
    temporary_of,
)
from ansible.module_utils.prefect_worker_lock import alone_in
from ansible.module_utils.prefect_worker_units import installed_units, states

OPTIONS: dict[str, dict[str, Any]] = {
    "folder": {"type": "path", "required": True},
    # The play, as it is known on its control node.
    "holder": {"type": "dict", "required": True},
    "unit": {"type": "str", "required": True},
    "project": {"type": "path", "required": True},
    # Where the worker's links to releases are.
    "links_in": {"type": "path", "required": True},
    "target": {"type": "str", "required": True},
    # The Podman of a docker pool, whose images have other names after the play.
    "engine": {"type": "dict", "default": {}},
}
ARGUMENT: dict[str, Any] = {"type": "dict", "options": OPTIONS}
RECORD = "record.json"
BOOT = Path("/proc/sys/kernel/random/boot_id")
# systemd makes it anew at each start, also that of a container.
STARTED = Path("/run/systemd/notify")
LINKS = ("current", "previous")
# What records of an earlier version of the role have not.
KNOWN_SINCE: dict[str, Any] = {"engine": {}, "names": {}, "links_in": ""}
# The id of the image that has a name, an empty one where none has it.
Names = dict[str, str]


class HeldError(Exception):
    """Which other play changes this worker."""


def begin(wanted: dict[str, Any], paths: list[str], names: Names | None = None) -> None:
    """Have these files and the ids of these images' names on the disk, as they are now.

    What the transaction has already is from before the play, and stays.
    """
    folder = Path(wanted["folder"])
    folder.parent.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    with alone_in(folder.parent):
        try:
            if found := read(folder):
                require_held(found, wanted["holder"])
                _add(folder, found, paths, names or {})
            else:
                _create(folder, wanted, paths, names or {})
        except OSError as error:
            raise UnwrittenError(f"{folder} cannot be written: {error.strerror}.") from error


def _create(folder: Path, wanted: dict[str, Any], paths: list[str], names: Names) -> None:
    new = temporary_of(folder)
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir(mode=0o700)
        record = _record(new, wanted)
        _fill(new, record, paths, names)
        new.rename(folder)
        flush(folder.parent)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _add(folder: Path, found: dict[str, Any], paths: list[str], names: Names) -> None:
    known = {*found["files"], *found["missing"]}
    new = [path for path in paths if path not in known]
    if new or set(names) - set(found["names"]):
        _fill(folder, found, new, names)


def read(folder: Path) -> dict[str, Any]:
    """Return the record of a transaction; nothing if there is none."""
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text())
    except FileNotFoundError:
        return {}
    # The clock may be set in the meantime; uptime counts from the same start of the machine.
    same = record["boot"] == boot()
    age = time.monotonic() - record["uptime"] if same else time.time() - record["began"]
    return {**KNOWN_SINCE, **record, "age": max(0, int(age))}


def boot() -> str:
    """Return what is different after each start of the machine."""
    return f"{BOOT.read_text().strip()} {STARTED.stat().st_mtime_ns}"


def require_held(found: dict[str, Any], holder: dict[str, Any]) -> None:
    """Go on only in the play that holds the transaction."""
    if found["holder"] != holder:
        other = found["holder"]
        raise HeldError(
            f"Another play, process {other['process']} on {other['name']}, began to change this "
            f"worker {found['age']} seconds ago: play again when it has ended."
        )


@contextlib.contextmanager
def held(wanted: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """Keep others from undoing what this process does; give the record, empty without one."""
    if not wanted:
        yield {}
        return
    folder = Path(wanted["folder"])
    with alone_in(folder):
        if found := read(folder):
            require_held(found, wanted["holder"])
        yield found


def take(folder: Path, interrupted: dict[str, Any], holder: dict[str, Any]) -> dict[str, Any]:
    """Hold what an interrupted play held; of two plays that want to, one gets it."""
    with alone_in(folder.parent):
        if found := read(folder):
            if found["holder"] != interrupted:
                require_held(found, holder)
            # Where the disk is full, an undo of what the play itself began needs no room.
            if found["holder"] != holder:
                record = {**found, "holder": holder}
                replace(folder / RECORD, json.dumps(record).encode(), 0o600)
    return found


def end(folder: Path) -> None:
    """Forget the snapshot: what the play made is to stay, or is undone."""
    gone = temporary_of(folder)
    with alone_in(folder.parent):
        shutil.rmtree(gone, ignore_errors=True)
        folder.rename(gone)
        flush(folder.parent)
        shutil.rmtree(gone, ignore_errors=True)


def snapshot(folder: Path, path: str) -> Path:
    """Return where a transaction has a file."""
    return folder / "files" / path.lstrip("/")


def _record(folder: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    links, units = Path(wanted["links_in"]), installed_units(wanted["unit"])
    found = states(units)
    if units and not found:
        raise UnwrittenError(f"{folder} cannot be filled: systemd does not tell of {units[0]}.")
    return {
        "holder": wanted["holder"],
        "began": time.time(),
        "uptime": time.monotonic(),
        "boot": boot(),
        "unit": wanted["unit"],
        "project": wanted["project"],
        "links_in": wanted["links_in"],
        "target": wanted["target"],
        "engine": wanted["engine"],
        "links": {name: _target(links / name) for name in LINKS},
        "files": [],
        "missing": [],
        "names": {},
        "units": found,
    }


def _fill(folder: Path, record: dict[str, Any], paths: list[str], names: Names) -> None:
    """Write the record last: without it there is no snapshot."""
    there = [path for path in paths if Path(path).is_file()]
    for path in there:
        duplicate(Path(path), snapshot(folder, path))
    whole = {
        **record,
        "files": [*record["files"], *there],
        "missing": [*record["missing"], *(path for path in paths if path not in there)],
        "names": {**names, **record["names"]},
    }
    replace(folder / RECORD, json.dumps(whole).encode(), 0o600)


def _target(link: Path) -> str:
    return str(link.readlink()) if link.is_symlink() else ""
