"""`settle` on stock Prefect: wait for all futures, then raise what the first failure raised."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def settle(runs: Iterable[Any]) -> list[Any]:
    """Wait for futures and return them, or raise the first failure."""
    settled = list(runs)
    for run in settled:
        run.wait()
    for run in settled:
        run.result()
    return settled
