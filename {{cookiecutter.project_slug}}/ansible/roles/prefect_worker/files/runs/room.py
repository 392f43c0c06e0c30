"""Say which limits there are where a flow fails for want of room on a disk."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import prefect.states

FULL = {errno.ENOSPC, errno.EDQUOT}
MOUNTS = Path("/proc/self/mountinfo")


def install() -> None:
    """Add the limits to what a failed state says of such an error."""
    prefect.states.format_exception = _complete(prefect.states.format_exception)


def _complete(function: Callable[..., str]) -> Callable[..., str]:
    def complete(error: BaseException, *args: Any, **options: Any) -> str:
        text = function(error, *args, **options)
        full = [each for each in _chain(error) if isinstance(each, OSError) and each.errno in FULL]
        # What helps to read an error must not take its place.
        with suppress(Exception):
            return f"{text} ({_limits(full)})" if full else text
        return text

    return complete


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that it comes from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _limits(errors: list[OSError]) -> str:
    """Return the size of each file system that a run writes to; writing names no file."""
    named = [Path(os.fsdecode(error.filename)).parent for error in errors if error.filename]
    others = [Path("/tmp"), Path(tempfile.gettempdir()), Path(os.environ["PREFECT_HOME"])]
    there = [path for path in (*named, *others) if path.is_dir()]
    first = {path.stat().st_dev: path for path in reversed(there)}
    return "; ".join(_limit(device, path) for device, path in reversed(first.items()))


def _limit(device: int, path: Path) -> str:
    room = os.statvfs(path)
    size, free = (room.f_frsize * blocks >> 20 for blocks in (room.f_blocks, room.f_bavail))
    kind = " of memory" if _is_memory(device) else ""
    return f"{path}: {size} MiB{kind}, {free} MiB free"


def _is_memory(device: int) -> bool:
    number = f"{os.major(device)}:{os.minor(device)}"
    lines = MOUNTS.read_text().splitlines()
    return any(line.split()[2] == number and " - tmpfs " in line for line in lines)
