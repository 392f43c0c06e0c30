"""One at a time: several workers of one machine may be made at once."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

# Root's alone: whoever may open what is locked may hold the lock, and keep plays waiting for ever.
LOCKS = Path("/run/prefect-worker-locks")


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other play works in the folder; its lock is free when the process ends."""
    LOCKS.mkdir(mode=0o700, exist_ok=True)
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()
    handle = os.open(LOCKS / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
