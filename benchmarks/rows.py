"""A row of the table: what is compared with what, and what was measured of it."""

from __future__ import annotations

import statistics
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

HEAD = "| what | against | ratio | goal | n | medians and notes |\n|---|---|---|---|---|---|"
LONGEST_REASON = 200


@dataclass(frozen=True)
class Row:
    """What is to be measured; `goal` is the highest value wanted, a ratio unless it has a unit."""

    what: str
    against: str
    goal: float | None = None
    unit: str = ""


@dataclass(frozen=True)
class Line:
    """What was measured of a row, or why it was not."""

    row: Row
    value: str
    repeats: str = "–"
    note: str = ""
    failed: bool = False

    def __str__(self) -> str:
        """The line of the table."""
        goal = "stated" if self.row.goal is None else f"≤ {self.row.goal:g}{self.row.unit}"
        cells = (self.row.what, self.row.against, self.value, goal, self.repeats, self.note)
        return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def compared(
    row: Row, ours: Sequence[float], others: Sequence[float], unit: str, note: str = ""
) -> Line:
    """The ratio of two medians; the note begins with both of them."""
    mine, other = statistics.median(ours), statistics.median(others)
    both = f"{figure(mine)} {unit} against {figure(other)} {unit}"
    repeats = sorted({len(ours), len(others)})
    return Line(
        row,
        _judged(row, mine / other),
        " and ".join(map(str, repeats)),
        f"{both}; {note}" if note else both,
    )


def stated(row: Row, values: Sequence[float], note: str = "") -> Line:
    """A median that is no ratio, in the row's unit."""
    return Line(row, _judged(row, statistics.median(values)), str(len(values)), note)


def not_measured(row: Row, reason: str) -> Line:
    """A row that cannot be measured on this machine."""
    return Line(row, "not measured here", note=reason)


def failed(row: Row, error: Exception) -> Line:
    """A row whose measurement went wrong."""
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return Line(row, "failed", note=words[:LONGEST_REASON], failed=True)


def attempted(rows: Iterable[Row], measure: Callable[[], Iterable[Line]]) -> Iterator[Line]:
    """What `measure` finds of these rows; those that it does not get to say why."""
    left = list(rows)
    missed: Exception = RuntimeError("it was left out")
    try:
        for line in measure():
            left.remove(line.row)
            yield line
    except Exception as error:
        # One subject that fails takes none of the others along.
        traceback.print_exc()
        missed = error
    yield from (failed(row, missed) for row in left)


def figure(value: float) -> str:
    """A number in three digits."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _judged(row: Row, value: float) -> str:
    words = f"{value:.2f}{row.unit}" if value < 100 else f"{value:.0f}{row.unit}"
    return words if row.goal is None or value <= row.goal else f"{words}, missed"
