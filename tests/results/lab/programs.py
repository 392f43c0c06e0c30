"""Programs in the background that do not outlive the tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.waits import pauses

PATIENCE = 180.0
"""Seconds that a program has to answer, on a machine that is busy with other things."""


class Programs:
    """Programs that are stopped together."""

    def __init__(self, logs: Path) -> None:
        """Write what they print into a folder."""
        logs.mkdir(parents=True, exist_ok=True)
        self.logs = logs
        self._running: list[subprocess.Popen[bytes]] = []

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        folder: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a program in a process group of its own."""
        with (self.logs / f"{name}.log").open("ab") as log:
            program = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append(program)
        return program

    def stop(self, program: subprocess.Popen[bytes]) -> None:
        """End a program and what it started."""
        self._end(program, signal.SIGINT, signal.SIGKILL)

    def kill(self, program: subprocess.Popen[bytes]) -> None:
        """Take a program and what it started away at once."""
        self._end(program, signal.SIGKILL)

    def stop_all(self) -> None:
        """End all that still run, the last one first."""
        for program in reversed(self._running.copy()):
            self.stop(program)

    def kill_all(self) -> None:
        """Take all that still run away at once, the last one first."""
        for program in reversed(self._running.copy()):
            self.kill(program)

    def _end(self, program: subprocess.Popen[bytes], *endings: signal.Signals) -> None:
        self._running.remove(program)
        for ending in endings:
            try:
                os.killpg(program.pid, ending)
                program.wait(timeout=15)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue


def wait_until(true: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    for pause in pauses():
        if true():
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} after {seconds:.0f} s")
        time.sleep(pause)


def listens(port: int) -> bool:
    """Tell whether somebody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
