"""How often whoever waits asks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

SOON, SELDOM, GROWTH = 0.3, 2.0, 1.2


def pauses() -> Iterator[float]:
    """Yield the seconds between questions: each takes a server's time that others wait for."""
    return (min(SOON * GROWTH**number, SELDOM) for number in itertools.count())
