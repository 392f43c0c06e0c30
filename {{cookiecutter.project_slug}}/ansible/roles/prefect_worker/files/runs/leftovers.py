"""What root writes for a flow run, and its removal when the run is over.

The unit that took the request removes it, as it has none of the run's environment. It holds a lock
as long as it waits for the run; what nobody holds and whose run is over may go.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
import uuid
from pathlib import Path

# Seconds that an earlier attempt at the same run gets to end, and a control group to go.
PATIENCE = 10
MOMENT = 1
PAUSE = 0.1


class Leftovers:
    """The files of one flow run that root writes for it."""

    def __init__(self, template: str, run: str) -> None:
        """Name the files of `run`, an instance of the unit `template`."""
        name = str(uuid.UUID(run))
        self.unit = f"{template}@{name}.service"
        self.environment = runtime() / f"{name}.env"
        self.dropin = Path(f"/run/systemd/system/{self.unit}.d")
        self._lock = runtime() / f"{name}.lock"
        self._group = Path(os.environ["RUN_GROUPS"], self.unit)

    def hold(self) -> bool:
        """Keep them while this process lives; False if an earlier attempt is not over in time."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            lock = self._locked()
            if lock is not None and not self._group.exists():
                os.set_inheritable(lock, True)
                return True
            if lock is not None:
                os.close(lock)
            time.sleep(PAUSE)
        return False

    def remove(self) -> bool:
        """Remove them unless somebody waits for the run; False if only the run goes on."""
        lock = self._locked()
        if lock is None:
            return True
        over = not self._group.exists()
        if over:
            self.environment.unlink(missing_ok=True)
            shutil.rmtree(self.dropin, ignore_errors=True)
            self._lock.unlink()
        os.close(lock)
        return over

    def _locked(self) -> int | None:
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # It may have been removed before it was locked.
            if os.path.samestat(os.fstat(lock), self._lock.stat()):
                return lock
        os.close(lock)
        return None


def runtime() -> Path:
    """Return the folder that systemd made for the requests of one worker."""
    return Path(os.environ["RUNTIME_DIRECTORY"])


def main(template: str) -> None:
    """Remove what is left of all runs that are over and that nobody waits for."""
    deadline = time.monotonic() + MOMENT
    while not _all_removed(template) and time.monotonic() < deadline:
        time.sleep(PAUSE)


def _all_removed(template: str) -> bool:
    tried = [Leftovers(template, lock.stem).remove() for lock in runtime().glob("*.lock")]
    return all(tried)
