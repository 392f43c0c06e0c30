"""Processes and all that they started: who they are, and how they end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from uuid import UUID

PATIENCE = 10.0
"""Seconds that a program has to end by itself."""
RUN = re.compile(r"(?:^|[\0 ])PREFECT__FLOW_RUN_ID=([0-9a-f-]{36})")


def stop(program: subprocess.Popen[bytes]) -> None:
    """Ask a program and all it started to end, then make them."""
    family = {program.pid} if program.poll() is None else set()
    if family:
        program.terminate()
    deadline = time.monotonic() + PATIENCE
    while family := with_children(family, program):
        if time.monotonic() > deadline:
            for process in family:
                _kill(process)
        time.sleep(0.1)


def with_children(family: set[int], program: subprocess.Popen[bytes]) -> set[int]:
    """Return who of a family is alive, with the children that came since."""
    program.poll()
    parents = _parents()
    family = {process for process in family if process in parents}
    while new := {p for p, parent in parents.items() if parent in family} - family:
        family |= new
    return family


def flow_runs_of(processes: set[int]) -> set[UUID]:
    """Return the ids of the flow runs that processes execute, from their environments."""
    texts = (_environment(process) for process in processes)
    return {UUID(match[1]) for text in texts if (match := RUN.search(text))}


def _environment(process: int) -> str:
    try:
        return Path(f"/proc/{process}/environ").read_text(errors="replace")
    except OSError:
        show = ["ps", "eww", "-o", "command=", "-p", str(process)]
        return subprocess.run(show, capture_output=True, text=True).stdout


def _parents() -> dict[int, int]:
    """Return the parent of every living process."""
    if not Path("/proc/self/stat").exists():
        processes = ["ps", "-A", "-o", "pid=,ppid=,stat="]
        rows = subprocess.run(processes, capture_output=True, text=True).stdout.splitlines()
        fields = [row.split() for row in rows]
        return {int(pid): int(parent) for pid, parent, state in fields if "Z" not in state}
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(stat.parent.name)] = int(parent)
    return parents


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
