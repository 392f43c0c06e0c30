"""Tell whether the scheduler or the recorder is silent although PostgreSQL and Redis answer."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from behind import AwayError, Recorder, recorder, scheduler, uptime

UNIT = "prefect-services.service"
# The exit status that has systemd restart the services.
RESTART = 75
# How long services, PostgreSQL and Redis have been there before anything is said of the services.
GRACE = int(os.environ["GRACE"])
# How long nothing moves, in seconds, before that is silence.
PATIENCE = int(os.environ["PATIENCE"])
# The scheduler runs every minute, and again where it failed.
LATE = int(os.environ["LATE"])
PAUSE = 5

Look = tuple[Recorder, float]


def main() -> None:
    """Look for a while before acting; what has nothing to do is not silent."""
    started = _started()
    if not started or time.monotonic() - started < GRACE:
        return
    try:
        silent = _silent()
    except AwayError as error:
        print(f"{error}: the services are left alone.")
        return
    # An operator may have restarted or stopped them meanwhile.
    if silent and _started() == started:
        print(f"{' and '.join(silent)}, but PostgreSQL and Redis answer: systemd restarts {UNIT}.")
        sys.exit(RESTART)


def _silent() -> list[str]:
    """Say which of the two has not moved for as long as it may take, each time that it is seen."""
    deadline = time.monotonic() + PATIENCE
    first = latest = _look()
    while silent := _sentences(first, latest):
        if time.monotonic() > deadline:
            break
        time.sleep(PAUSE)
        latest = _look()
    return silent


def _look() -> Look:
    """Look, unless one that the services need has only just come."""
    if (seconds := uptime()) < GRACE:
        raise AwayError(f"PostgreSQL or Redis was started {seconds:.0f} seconds ago")
    return recorder(), scheduler()


def _sentences(first: Look, latest: Look) -> list[str]:
    (before, due_before), (now, due) = first, latest
    sentences = []
    if now.oldest and now.position == before.position:
        sentences.append(f"The recorder is {now.seconds:.0f} seconds behind and reads nothing")
    if due == due_before and time.time() - due > LATE:
        sentences.append(f"The scheduler was due {time.time() - due:.0f} seconds ago")
    return sentences


def _started() -> float:
    """When the services were started, by the clock of the machine; 0 if they do not run."""
    keys = "--property=ActiveState,ActiveEnterTimestampMonotonic"
    shown = subprocess.run(
        ["systemctl", "show", UNIT, keys], capture_output=True, text=True, check=True
    )
    found = dict(line.split("=", 1) for line in shown.stdout.splitlines())
    is_active = found["ActiveState"] == "active"
    return int(found["ActiveEnterTimestampMonotonic"]) / 1e6 if is_active else 0


if __name__ == "__main__":
    main()
