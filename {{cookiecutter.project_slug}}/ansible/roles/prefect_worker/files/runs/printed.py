"""Say what a program printed last, where a flow fails by it and has its words but shows none.

`subprocess.run(…, capture_output=True, check=True)` tells the exit status alone; what it captured
is neither in the run's log nor in its journal. What the playbook has of secrets is masked in it, as
`sh -x` prints them, for one. One that the sandbox has killed printed nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import prefect.states

LAST = 1000
"""How many characters are told."""
SHORTEST = 6
"""Masked wherever they are, shorter ones would only make a failure unreadable."""
# As its parent sees it, and as a shell between them tells it.
KILLED = {-signal.SIGSYS, 128 + signal.SIGSYS}
FORBIDDEN = "It called what the sandbox forbids; see prefect_worker_unit_overrides."


def install() -> None:
    """Add the words to what a failed state says of such an error."""
    prefect.states.format_exception = _complete(prefect.states.format_exception)


def _complete(function: Callable[..., str]) -> Callable[..., str]:
    def complete(error: BaseException, *args: Any, **options: Any) -> str:
        text = function(error, *args, **options)
        words = _words(error)
        told = f"{text} It printed: {words}" if words else text
        return f"{told} {FORBIDDEN}" if _is_killed(error) else told

    return complete


def _is_killed(error: BaseException) -> bool:
    known = isinstance(error, subprocess.CalledProcessError)
    return known and getattr(error, "returncode", None) in KILLED


def _words(error: BaseException) -> str:
    """Return the end of what the program wrote to its standard error, or else to its output."""
    if not isinstance(error, subprocess.CalledProcessError | subprocess.TimeoutExpired):
        return ""
    for captured in (getattr(error, "stderr", None), getattr(error, "output", None)):
        text = captured.decode(errors="replace") if isinstance(captured, bytes) else captured
        if isinstance(text, str) and text.strip():
            return _masked(text.strip())[-LAST:]
    return ""


def _masked(text: str) -> str:
    """Return it without the values of those variables of the run that are secret."""
    names = os.environ.get("RUN_SECRETS", "").split()
    values = [os.environ.get(name, "") for name in names]
    # A password alone, and some lines of a key, are as secret as the whole.
    values.append(os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")[2])
    parts = {part for value in values for part in (value, *value.splitlines())}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= SHORTEST:
            text = text.replace(part, "***")
    return text
