"""Say what a program printed last, where a flow fails by it and has its words but shows none.

`subprocess.run(…, capture_output=True, check=True)` tells the exit status alone; what it captured
is neither in the run's log nor in its journal.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import prefect.states

LAST = 1000
"""How many characters are told."""


def install() -> None:
    """Add the words to what a failed state says of such an error."""
    prefect.states.format_exception = _complete(prefect.states.format_exception)


def _complete(function: Callable[..., str]) -> Callable[..., str]:
    def complete(error: BaseException, *args: Any, **options: Any) -> str:
        text = function(error, *args, **options)
        words = _words(error)
        return f"{text} It printed: {words}" if words else text

    return complete


def _words(error: BaseException) -> str:
    """Return the end of what the program wrote to its standard error, or else to its output."""
    if not isinstance(error, subprocess.CalledProcessError | subprocess.TimeoutExpired):
        return ""
    for captured in (error.stderr, error.stdout):
        text = captured.decode(errors="replace") if isinstance(captured, bytes) else captured
        if isinstance(text, str) and text.strip():
            return text.strip()[-LAST:]
    return ""
