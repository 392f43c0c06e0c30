"""End what a run of tests has started, however the run ended.

Every process that a test starts inherits a variable with the name of its run. A process of its own,
the reaper, waits for the end of the run, be it by SIGKILL, and kills what still has that name.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

VARIABLE = "TEST_RUN"
# Processes that are started while others are killed are found by the next look.
LOOKS = 20


def end_with(config: pytest.Config) -> None:
    """Name the run of pytest, and start its reaper; the controller of others runs no test."""
    if config.getoption("numprocesses", default=None):
        return
    clean = {name: value for name, value in os.environ.items() if name != VARIABLE}
    run = os.environ[VARIABLE] = uuid.uuid4().hex
    # Its standard input ends with this process, which alone has the other end.
    subprocess.Popen(
        [sys.executable, "-m", __name__, run],
        cwd=Path(__file__).parents[1],
        env=clean,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


def processes(run: str, variable: str = VARIABLE) -> list[int]:
    """Return the processes that have the name of a run in their environment."""
    name = f"{variable}={run}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if name in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def main() -> None:
    """Wait for the end of standard input, then kill what is left."""
    sys.stdin.read()
    for _ in range(LOOKS):
        if not (left := processes(sys.argv[1])):
            return
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    main()
