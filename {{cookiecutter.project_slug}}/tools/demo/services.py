"""Start programs in the background, and leave none behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from ..errors import ToolError
from ..processes import ENDINGS, stop
from .place import FOLDER


class Services:
    """Programs that run until the end of the `with` block."""

    def __init__(self) -> None:
        """Start with none."""
        self._programs: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Services:
        """Have the interrupts of the terminal end the block, whoever started this program."""
        for ending in ENDINGS:
            signal.signal(ending, _interrupt)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything, last started first; a second interrupt does not stop the stopping."""
        for ending in ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
        for program in reversed(self._programs):
            stop(program)

    def start(self, name: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a Python module in a process group of its own, with a log."""
        with log_of(name).open("wb") as log:
            program = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._programs.append(program)
        return program

    def run(self, name: str, *arguments: str) -> str:
        """Run a Python module to its end and return what it printed."""
        program = self.start(name, *arguments)
        status = program.wait()
        self._programs.remove(program)
        printed = log_of(name).read_text(encoding="utf-8", errors="replace")
        if status:
            raise ToolError(f"{name} ended with {status}:\n{printed}")
        return printed

    def check(self) -> None:
        """Make sure that nothing has ended by itself."""
        for program in self._programs:
            if program.poll() is not None:
                raise ToolError(f"A program ended too early; its log is in {FOLDER}.")


def log_of(name: str) -> Path:
    """Return the log of a program."""
    return FOLDER / f"{name}.log"


def _interrupt(number: int, frame: object) -> None:
    sys.exit(128 + number)
