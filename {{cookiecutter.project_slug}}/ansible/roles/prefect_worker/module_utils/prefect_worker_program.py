"""What a worker's process has from its release, and goes on having until it is restarted."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

PROGRAM = ".venv/bin/prefect"
# Prefect reads its settings from the folder it is started in.
SETTINGS = ("prefect.toml", "pyproject.toml")


def is_stale(wanted: dict[str, Any], unit: dict[str, Any]) -> bool:
    """Whether a worker started now would be another one, as after a killed play."""
    current = Path(wanted["links_in"], "current").resolve()
    started = Path(os.path.realpath(f"/proc/{unit['pid']}/cwd"))
    # Code in the worker's process can go to a folder of its own, with anything in it.
    is_release = started.parent == current.parent
    return (
        _newer(wanted["files"], unit["started"])
        or not is_release
        or not same_worker(started, current)
    )


def same_worker(release: Path, other: Path) -> bool:
    """Whether it makes no difference to a worker which of two releases it was started with.

    Releases that share their packages have one program with two names. The code of flows is no
    part of it: every flow run has a process of its own.
    """
    if release == other:
        return True
    programs = [folder / PROGRAM for folder in (release, other)]
    return (
        all(program.exists() for program in programs)
        and programs[0].samefile(programs[1])
        and all(_text(release / name) == _text(other / name) for name in SETTINGS)
    )


def _newer(paths: list[str], moment: float) -> bool:
    return any(os.path.lexists(path) and os.lstat(path).st_mtime > moment for path in paths)


def _text(path: Path) -> bytes:
    """Return what a file of one's own has; a pipe of somebody else's would keep one waiting."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return b""
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        is_own = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
        return file.read() if is_own else b""
