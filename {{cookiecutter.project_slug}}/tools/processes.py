"""Processes and all that they started: who they are, and how they end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

PATIENCE = 10.0
"""Seconds that a program has to end by itself, and then to be killed."""
LOOK = 0.1
"""Seconds between two looks at the processes."""
FLOW_RUN = "PREFECT__FLOW_RUN_ID"
"""The variable with which Prefect starts the process of a flow run."""
UUID_TEXT = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
RUN = re.compile(rf"(?:^|[\0 ]){FLOW_RUN}=({UUID_TEXT})(?![\w-])")
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals with which a user or a terminal ends a program."""
PROC = Path("/proc")
"""Linux has it; elsewhere `ps` knows."""


def stop(program: subprocess.Popen[bytes]) -> None:
    """Ask a program and all it started to end, then make them."""
    for _ in stopping(program):
        pass


def stopping(program: subprocess.Popen[bytes]) -> Iterator[set[int]]:
    """Stop a program as `stop` does; yield who is alive at each look, first before all others.

    What cannot be killed, as another user's or while it waits for a disk, is named and left.
    """
    family = with_children({program.pid} if program.poll() is None else set(), program)
    yield family
    with suppress(PermissionError):
        program.terminate()
    asked = time.monotonic()
    while family := with_children(family, program):
        yield family
        waited = time.monotonic() - asked
        if waited > 2 * PATIENCE:
            print(f"These processes do not end: {sorted(family)}", file=sys.stderr)
            return
        if waited > PATIENCE:
            for process in family:
                _kill(process)
        time.sleep(LOOK)


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
    if not (PROC / "self").exists():
        return _ps("eww", "-o", "command=", "-p", str(process))
    try:
        return (PROC / str(process) / "environ").read_text(errors="replace")
    except OSError:
        return ""


def _parents() -> dict[int, int]:
    """Return the parent of every living process."""
    if not (PROC / "self").exists():
        fields = [row.split() for row in _ps("-A", "-o", "pid=,ppid=,stat=").splitlines()]
        return {int(pid): int(parent) for pid, parent, state in fields if "Z" not in state}
    parents = {}
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            # A process may have any bytes as its name.
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(stat.parent.name)] = int(parent)
    return parents


def _ps(*options: str) -> str:
    return subprocess.run(["ps", *options], capture_output=True, text=True, errors="replace").stdout


def _kill(process: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(process, signal.SIGKILL)
