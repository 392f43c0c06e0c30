"""A file for each run that is on this machine, kept until the API knows how the run ended."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

import bounded
import identifiers

BOOT = Path("/proc/sys/kernel/random/boot_id")
# Made by systemd when it starts: in a container, the kernel's word is about the machine below it.
FIRST = Path("/run/systemd/notify")
# Flow runs can write there, too, so what is read has to look like what was written.
TYPES: dict[str, tuple[type, ...]] = {
    "boot": (str,),
    "at": (float, int),
    "retries": (int,),
    "reason": (str,),
    "error": (str,),
    "lost": (bool,),
    "cancelled": (bool,),
    "run": (str,),
    "settled": (bool,),
    "clean": (bool,),
}


def begin(run: str, retries: str) -> str:
    """Remember a run before it starts, and give its unit the words to do the same."""
    record = {
        "boot": boot(),
        "at": time.monotonic(),
        "retries": times(retries, say=True),
    }
    write(run, record)
    return json.dumps(record)


def times(wished: Any, say: bool) -> int:
    """Return `crash_retries` as a number; what is none is ignored, and said once by who asks."""
    text = "0" if wished in (None, "") else str(wished)
    if text.isdecimal():
        return int(text)
    if say:
        print(f"crash_retries is {text[:40]!r}, not a whole number: ignored")
    return 0


def end(run: str, reason: str, clean: bool = False) -> None:
    """Add why a run ended, and whether without an error; tell the API now if it answers."""
    import deliver

    record = {**read(run), "reason": reason, "clean": clean}
    write(run, record)
    deliver.deliver(run, record)


def boot() -> str:
    """What is different after each start of the machine."""
    return f"{BOOT.read_text().strip()} {FIRST.stat().st_mtime_ns}"


def folder() -> Path:
    """Where the records are."""
    return Path(os.environ["RUN_RECORDS"])


def known() -> list[str]:
    """Return the runs that have a record, the newest and the oldest in turn.

    So a flood of records costs no report that was due before it or after it; nobody chooses when
    the kernel says that a file was changed. What else is in the folder is left alone.
    """
    there: list[tuple[int, str]] = []
    for path in folder().glob("*"):
        if identifiers.is_one(path.name):
            with contextlib.suppress(FileNotFoundError):
                there.append((path.lstat().st_ctime_ns, path.name))
    oldest = [run for _, run in sorted(there)]
    pairs = zip(reversed(oldest), oldest, strict=True)
    return list(dict.fromkeys(itertools.chain.from_iterable(pairs)))


def read(run: str) -> dict[str, Any]:
    """What is known; nothing of a run that could not be written down."""
    try:
        record = json.loads(bounded.file(_path(run)))
        if not isinstance(record, dict):
            raise ValueError("it is no object")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        print(f"What is written down of {run} is not read: {error}")
        return {}
    return {name: value for name, value in record.items() if type(value) in TYPES.get(name, ())}


def write(run: str, record: dict[str, Any]) -> None:
    """Keep what is known, if there is room: a run is not refused for a full disk."""
    path = _path(run)
    new = path.with_name(f".{run}")
    try:
        folder().mkdir(parents=True, exist_ok=True)
        # Never what somebody else has put there, which may be a pipe or a link.
        new.unlink(missing_ok=True)
        with new.open("x") as opened:
            opened.write(json.dumps(record))
        new.replace(path)
    except OSError as error:
        print(f"{run} is not written down: {error}")


def remove(run: str) -> None:
    """Forget a run: the API knows all about it."""
    _path(run).unlink(missing_ok=True)


def _path(run: str) -> Path:
    """Return the file of a run, or of a container, and never one somewhere else."""
    if not identifiers.is_containers(run):
        identifiers.checked(run)
    return folder() / run
