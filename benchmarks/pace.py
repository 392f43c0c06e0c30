"""How often everything is measured, and what is said meanwhile."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")
STARTED = time.monotonic()


def say(words: str) -> None:
    """Say how far it is, on stderr, with the minutes that have gone by."""
    minutes, seconds = divmod(int(time.monotonic() - STARTED), 60)
    print(f"{minutes:3}:{seconds:02}  {words}", file=sys.stderr, flush=True)


class Pace:
    """The real sizes, or tiny ones that only show that everything runs."""

    def __init__(self, quick: bool) -> None:
        """`quick` measures everything once, and as little of it as there is."""
        self.quick = quick

    def turns(self, number: int, what: str) -> Iterator[int]:
        """Count the turns in which ours and the other are measured."""
        number = self.either(number, 1)
        for turn in range(number):
            say(f"{what}, {turn + 1} of {number}")
            yield turn

    def either(self, real: T, tiny: T) -> T:
        """The real size of something, or the tiny one."""
        return tiny if self.quick else real
