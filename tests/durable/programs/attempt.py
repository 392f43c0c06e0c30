"""One execution of a program: what is noted of it, and where it fails."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

LONGEST_PAUSE = 0.012
"""Seconds that a call takes at most, so that calls side by side have another order each time."""

Fails = tuple[str, int, str, str]
"""The call that fails, which time it is made, how it fails, and at its start or end."""


@dataclass
class Told:
    """What each process that takes part in an execution has to be told."""

    number: int = 1
    seed: str = ""
    log: str = ""
    fails: Fails | None = None

    def to_json(self) -> str:
        """Return it as a text."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Told:
        """Return what a text says."""
        content = json.loads(text)
        if content["fails"]:
            call, before, how, at = content["fails"]
            content["fails"] = (call, before, how, at)
        return Told(**content)


class Attempt:
    """One execution of a program in this process; without a log, nothing is written."""

    def __init__(self, told: Told, pace: float = LONGEST_PAUSE) -> None:
        """Take part in an execution; `pace` is the longest pause of a call in seconds."""
        self.told, self.pace = told, pace
        self.lines: list[dict[str, Any]] = []
        self._issued = 0
        # Programs call from threads.
        self._lock = Lock()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._log = os.open(told.log, flags) if told.log else None

    def note(self, event: str, call: str, **more: Any) -> None:
        """Write a line, or hold it if there is no file."""
        line = {"event": event, "call": call, "at": time.monotonic(), **more}
        if self._log is None:
            self.lines.append(line)
        else:
            os.write(self._log, f"{json.dumps(line)}\n".encode())

    def start(self, call: str, **more: Any) -> int:
        """Note the start of a call; return how many equal ones started before, in any process."""
        with self._alone():
            before = sum((line["event"], line["call"]) == ("start", call) for line in self._noted())
            self.note("start", call, **more)
        return before

    def issue(self) -> str:
        """Return a number that no other result has."""
        with self._lock:
            self._issued += 1
            return f"{self.told.number}.{os.getpid()}.{self._issued}"

    def _noted(self) -> list[dict[str, Any]]:
        if self._log is None:
            return self.lines
        return [json.loads(line) for line in Path(self.told.log).read_text().splitlines()]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other thread or process start a call meanwhile."""
        with self._lock:
            if self._log is None:
                yield
                return
            fcntl.flock(self._log, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._log, fcntl.LOCK_UN)
