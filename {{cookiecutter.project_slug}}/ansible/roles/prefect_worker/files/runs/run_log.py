"""Keep a flow run's log in bounds and readable, and remember why its engine ended."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import prefect.states
from prefect.logging.handlers import APILogHandler

# So many lines in so many seconds reach the API and the journal; a server stores a few hundred in
# a second.
MOST, WINDOW = 5_000, 30.0
LOGGERS = ("prefect.flow_runs", "prefect.task_runs")
ENGINE = "prefect.engine"
# What a record has that was looked at.
COUNTED = "prefect_worker_counted"
# Characters of an error that a state's message holds.
LONGEST = 1000
NO_PIP = "a release has no pip: dependencies go into the project's requirements.txt"


def install() -> None:
    """Look at every record of the run's loggers before a handler does, at others on their way."""
    bound = _Bound()
    APILogHandler.emit = _bounded(APILogHandler.emit, bound)  # type: ignore[method-assign]
    for name in LOGGERS:
        logging.getLogger(name).addFilter(bound)
        logging.getLogger(name).addFilter(_escape)
    logging.getLogger(ENGINE).addFilter(_note)
    prefect.states.format_exception = _escaped(prefect.states.format_exception)


def _bounded(emit: Callable[..., None], bound: _Bound) -> Callable[..., None]:
    """Count what no logger's filter has: the records of its children, and of extra loggers."""

    def emit_within(handler: APILogHandler, record: logging.LogRecord) -> None:
        if not hasattr(record, COUNTED):
            bound.filter(record)
            _escape(record)
        if getattr(record, COUNTED):
            emit(handler, record)

    return emit_within


class _Bound(logging.Filter):
    """Drop what is beyond the bound, errors excepted, and say so in the log itself."""

    def __init__(self) -> None:
        """Begin with nothing logged."""
        super().__init__()
        self._since, self._passed, self._dropped = time.monotonic(), 0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is within the bound, and note it."""
        within = self._is_within(record)
        setattr(record, COUNTED, within)
        return within

    def _is_within(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            return True
        now = time.monotonic()
        if now - self._since > WINDOW:
            self._end_window(now, record)
        self._passed += 1
        if self._passed == MOST:
            record.msg = (
                f"More than {MOST} lines in {WINDOW:.0f} seconds: what follows, this line "
                "included, is dropped until these are over, but for errors."
            )
            record.args = ()
        self._dropped += self._passed > MOST
        return self._passed <= MOST

    def _end_window(self, now: float, record: logging.LogRecord) -> None:
        if self._dropped:
            record.msg = f"({self._dropped + 1} lines were dropped before this one.) {record.msg}"
        self._since, self._passed, self._dropped = now, 0, 0


def _escape(record: logging.LogRecord) -> bool:
    """Escape what is no character, which the API would refuse with all lines beside it."""
    if record.exc_info and not record.exc_text:
        record.exc_text = logging.Formatter().formatException(record.exc_info)
    if record.exc_text:
        record.exc_text = _printable(record.exc_text)
    # A message that does not fit its arguments is the handlers' to complain of.
    with contextlib.suppress(TypeError, ValueError, KeyError):
        message = record.getMessage()
        if (printable := _printable(message)) != message:
            record.msg, record.args = printable, ()
    return True


def _escaped(function: Callable[..., str]) -> Callable[..., str]:
    def escaped(*args: Any, **options: Any) -> str:
        return _printable(function(*args, **options))

    return escaped


def _printable(text: str) -> str:
    """Return a text as every API can store it: PostgreSQL has no character for NUL."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def _note(record: logging.LogRecord) -> bool:
    """Write an error of the engine into the run's record, for its unit to tell at its end."""
    if record.exc_info and record.exc_info[1] and record.levelno >= logging.ERROR:
        path = Path(os.environ["RUN_RECORDS"], os.environ["PREFECT__FLOW_RUN_ID"])
        try:
            kept = {**json.loads(path.read_text()), "error": _in_words(record.exc_info[1])}
            path.write_text(json.dumps(kept))
        except (OSError, ValueError) as error:
            print(f"The error is not written down: {error}")
    return True


def _in_words(error: BaseException) -> str:
    """Return what failed and because of what, outermost first."""
    words: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        words.append(" ".join(str(cause).split()) or type(cause).__name__)
        cause = cause.__cause__
    text = _printable(": ".join(words))[:LONGEST]
    return f"{text.rstrip('.')}; {NO_PIP}" if "No module named pip" in text else text
