"""What a worker's process has from its release, and goes on having until it is restarted."""

from __future__ import annotations

import os
import stat
from pathlib import Path

PROGRAM = ".venv/bin/prefect"
# Prefect reads its settings from the folder it is started in.
SETTINGS = ("prefect.toml", "pyproject.toml")


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
