"""Let what a run forks end when it is told to.

Prefect turns SIGTERM into an exception, also in a process that inherits its handler. Where nothing
hears an exception, the process goes on: `multiprocessing.Pool` then waits for it without end.
"""

from __future__ import annotations

import os
import signal
import threading

_before = threading.local()


def install() -> None:
    """Have children that are forked take SIGTERM as processes do that handle no signal."""
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_forget)


def _hold() -> None:
    _before.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _release() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _before.mask)


def _forget() -> None:
    """Leave a handler alone that a flow has set itself."""
    module = getattr(signal.getsignal(signal.SIGTERM), "__module__", "")
    if str(module).startswith("prefect."):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _release()
