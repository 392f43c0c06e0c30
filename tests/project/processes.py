"""Start programs in the background, and look for what they left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.waits import pauses

PATIENCE = 240.0
"""Seconds to wait for anything on a busy machine."""

ENDS_WITHIN = 60.0


@contextmanager
def running(
    *command: str, cwd: Path, env: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Have a program run, and end it with all it started."""
    with log.open("wb") as output:
        program = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield program
    finally:
        _end(program)


def _end(program: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGTERM)
    try:
        program.wait(timeout=ENDS_WITHIN)
    except subprocess.TimeoutExpired:  # Prefect's worker does not always end when it is asked
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait for a condition, or fail and say what did not happen."""
    deadline = time.monotonic() + seconds
    for pause in pauses():
        if condition():
            return
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(pause)


def processes_of(folder: Path) -> list[str]:
    """Return the commands of all processes that have to do with a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in command + environment and process.name != str(os.getpid()):
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found
