"""Say which limits a run has met where its flow fails: of disks, open files, and processes.

A program that the flow started tells of them only in what it printed. Where the flow has that, it
counts as the error does; disks that are full and refused processes are seen anyway.
"""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import prefect.states

FULL = {errno.ENOSPC, errno.EDQUOT}
TOO_MANY = {errno.EMFILE}
MOUNTS = Path("/proc/self/mountinfo")
GROUPS = Path("/sys/fs/cgroup")
GROUP = Path("/proc/self/cgroup")


def install() -> None:
    """Add the limits to what a failed state says of such an error."""
    prefect.states.format_exception = _complete(prefect.states.format_exception)


def _complete(function: Callable[..., str]) -> Callable[..., str]:
    def complete(error: BaseException, *args: Any, **options: Any) -> str:
        text = function(error, *args, **options)
        # What helps to read an error must not take its place.
        with suppress(Exception):
            met = [*_disks(error), *_files(error), *_processes()]
            return f"{text} ({'; '.join(met)})" if met else text
        return text

    return complete


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that it comes from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _are(error: BaseException, numbers: set[int]) -> bool:
    """Return whether an error is one of these, or has the words of one that a program printed."""
    if getattr(error, "errno", None) in numbers:
        return True
    printed = [getattr(error, name, b"") for name in ("stdout", "stderr")]
    texts = [str(error), *(os.fsdecode(each) for each in printed if isinstance(each, (str, bytes)))]
    return any(os.strerror(number) in text for number in numbers for text in texts)


def _disks(error: BaseException) -> list[str]:
    """Return the size of each file system that a run writes to; writing names no file."""
    full = [each for each in _chain(error) if _are(each, FULL)]
    names = [getattr(each, "filename", None) for each in full]
    named = [Path(os.fsdecode(name)).parent for name in names if name]
    others = [Path("/tmp"), Path(tempfile.gettempdir()), Path(os.environ["PREFECT_HOME"])]
    there = [path for path in (*named, *others) if path.is_dir()]
    first = {path.stat().st_dev: path for path in reversed(there)}
    limits = [_Disk(device, path) for device, path in reversed(first.items())]
    by_a_program = any(isinstance(each, subprocess.SubprocessError) for each in _chain(error))
    return [str(each) for each in limits if full or (by_a_program and not each.free)]


class _Disk:
    """A file system, as people say its size."""

    def __init__(self, device: int, path: Path) -> None:
        """Look at the one at this path."""
        room = os.statvfs(path)
        self._size, self.free = (
            room.f_frsize * blocks >> 20 for blocks in (room.f_blocks, room.f_bavail)
        )
        self._kind = " of memory" if _is_memory(device) else ""
        self._path = path

    def __str__(self) -> str:
        """Return where it is, how large and how full."""
        return f"{self._path}: {self._size} MiB{self._kind}, {self.free} MiB free"


def _is_memory(device: int) -> bool:
    number = f"{os.major(device)}:{os.minor(device)}"
    lines = MOUNTS.read_text().splitlines()
    return any(line.split()[2] == number and " - tmpfs " in line for line in lines)


def _files(error: BaseException) -> list[str]:
    if not any(_are(each, TOO_MANY) for each in _chain(error)):
        return []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return [f"{soft} open files in a process, up to {hard} by ulimit -n"]


def _processes() -> list[str]:
    """Return the limit of processes and threads, if the run has been refused one."""
    group = GROUPS / GROUP.read_text().rpartition("0::/")[2].strip()
    events = dict(line.split() for line in _read(group / "pids.events").splitlines())
    if events.get("max", "0") == "0":
        return []
    limit = _read(group / "pids.max").strip()
    return [f"{limit} processes and threads, refused {events['max']} times"]


def _read(path: Path) -> str:
    """Return what a file of the control group says; nothing where it is not enforced."""
    try:
        return path.read_text()
    except OSError:
        return ""
