"""A number of its own for every test run of this computer, and the sweep of dead runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import time
from pathlib import Path
from typing import IO

from tests.hosts.machines import cgroups, network
from tests.hosts.machines.shell import RUN_VARIABLE, run

SLOTS = Path("/run/prefect-test-hosts")
NUMBERS = range(1, 100)


def claim(folder_of_runs: Path) -> tuple[int, Path, IO[str]]:
    """The first free number, its folder, and the lock that holds it while open."""
    SLOTS.mkdir(exist_ok=True)
    for number in NUMBERS:
        if lock := _lock(number):
            folder = folder_of_runs / str(number)
            _sweep(number, lock.read().strip())
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            lock.seek(0)
            lock.truncate()
            lock.write(str(folder))
            lock.flush()
            return number, folder, lock
    raise RuntimeError(f"all {len(NUMBERS)} numbers for test runs are taken, see {SLOTS}")


def sweep_dead_runs() -> None:
    """Remove what killed runs left behind."""
    for path in SLOTS.glob("*.lock"):
        if lock := _lock(int(path.stem)):
            with lock:
                _sweep(int(path.stem), lock.read().strip())
                lock.truncate(0)


def tear_down(number: int, folder: Path) -> None:
    """End a run's processes, unmount, and remove its network and its files."""
    for _ in range(50):
        if not _kill_processes_of(folder):
            break
        time.sleep(0.1)
    for mount in _mounts_in(folder):
        run(["umount", "--lazy", mount])
    cgroups.remove(f"{network.bridge(number)}-*")
    network.remove(number)
    # Ten machines are half a million files: Python would take minutes.
    run(["rm", "-rf", folder])


def _lock(number: int) -> IO[str] | None:
    handle = (SLOTS / f"{number}.lock").open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    handle.seek(0)
    return handle


def _sweep(number: int, folder: str) -> None:
    if folder:
        tear_down(number, Path(folder))


def _kill_processes_of(folder: Path) -> bool:
    mark = f"{RUN_VARIABLE}={folder}".encode()
    found = [pid for pid in _pids() if mark in _environment(pid)]
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(found)


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment(pid: int) -> list[bytes]:
    if pid == os.getpid():
        return []
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return []


def _mounts_in(folder: Path) -> list[str]:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((path for path in mounts if f"{path}/".startswith(f"{folder}/")), reverse=True)
