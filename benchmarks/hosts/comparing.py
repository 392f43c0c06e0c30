"""Ours beside the other's, in one row."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

HEAD = "| ours, median | compared with, median | ratio | promised |\n| --- | --- | --- | --- |"


@dataclass(frozen=True)
class Comparison:
    """How much of ours and of the other, in what unit, and the ratio that was promised."""

    ours: str
    other: str
    our_values: list[float]
    other_values: list[float]
    promised: str
    unit: str = "s"

    def row(self) -> str:
        """A line of the table."""
        mine, others = statistics.median(self.our_values), statistics.median(self.other_values)
        return (
            f"| {self.ours}, {mine:.3g} {self.unit} | {self.other}, {others:.3g} {self.unit} "
            f"| {mine / others:.2f} | {self.promised} |"
        )


def seconds(task: Callable[..., None], *arguments: object) -> float:
    """How long it takes."""
    started = time.monotonic()
    task(*arguments)
    return time.monotonic() - started
