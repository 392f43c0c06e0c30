"""The flow `fan_out` beside `.map` of a task for each item, and what the server records of both."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from benchmarks.pace import Pace, say
from benchmarks.rows import Line, Row, compared, stated
from benchmarks.stage import LOCAL, Stage, in_project
from tests.results.lab.project import Project

BATCH = 100
SMALL, MIDDLE, LARGE = 100, 1_000, 10_000
# `.map` of ten thousand takes minutes.
TURNS = {SMALL: 5, MIDDLE: 5, LARGE: 1}
OURS, MAP = "fan_out", "map"
OTHER = "`.map` over the same items, default runner"
RECORDED_WITHIN = 30
GIVE_UP = 60.0
"""Seconds after which the server's record is not waited for any longer."""

SECONDS = {n: Row(f"`fan_out` of {n:,} items, seconds an item", OTHER, 0.5) for n in TURNS}
PEAK = {n: Row(f"`fan_out` of {n:,} items, peak memory", OTHER) for n in TURNS}
FLAT_COST = Row(f"`fan_out` of {LARGE:,} items, seconds an item", f"the same of {SMALL}", 1.15)
FLAT_PEAK = Row(f"`fan_out` of {LARGE:,} items, peak memory", f"the same of {SMALL}", 1.15)
RECORD = Row(
    f"`fan_out` of {LARGE:,} items, from its end until the server's record is complete",
    OTHER,
    RECORDED_WITHIN,
    " s",
)
ROWS = (*SECONDS.values(), *PEAK.values(), FLAT_COST, FLAT_PEAK, RECORD)


@dataclass
class Found:
    """What was measured of one flow over one number of items."""

    each: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)
    said: str = ""


class Turns:
    """Runs of both flows, and what was measured of them."""

    def __init__(self, stage: Stage) -> None:
        """Generate a project."""
        self.found: dict[tuple[str, int], Found] = defaultdict(Found)
        self._stage: Stage = stage
        self._project: Project = stage.project(LOCAL)

    def run(self, flow: str, size: int, items: int, record: bool) -> None:
        """Run a flow once; `record` waits for what the server writes down of it."""
        # Stock means Prefect's defaults, and keeping results would make it slower.
        stock = {"PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false"} if flow == MAP else {}
        before = self._stage.server.cpu_seconds
        done = in_project(self._project, "fan_out", flow, items, **stock)
        found = self.found[flow, size]
        found.each.append(done["seconds"] / items)
        found.peak.append(done["peak"])
        if record:
            tasks = items if flow == MAP else -(-items // BATCH)
            self._wait_for_record(done, found, tasks)
            used = (self._stage.server.cpu_seconds - before) / tasks
            found.said += f", and took the server {1000 * used:.0f} ms of a processor each"
        self._stage.rest()

    def _wait_for_record(self, done: dict[str, Any], found: Found, tasks: int) -> None:
        recorded, lag = 0, 0.0
        while recorded < tasks and lag < GIVE_UP:
            time.sleep(0.5)
            recorded, lag = self._recorded(done["run"]), time.time() - done["ended"]
        found.said = f"{recorded:,} of {tasks:,} tasks were recorded as done {lag:.0f} s after it"
        if recorded == tasks:
            found.lag.append(lag)

    def _recorded(self, run: str) -> int:
        count: int = self._stage.post(
            "/task_runs/count",
            flow_runs={"id": {"any_": [run]}},
            task_runs={"state": {"type": {"any_": ["COMPLETED"]}}},
        )
        return count


def measure(pace: Pace) -> Iterator[Line]:
    """Run both in turn, the number of items that the server does not survive at the end."""
    with closing(Stage()) as stage:
        turns = Turns(stage)
        for size, number in TURNS.items():
            items = pace.either(size, min(size, BATCH))
            for turn in pace.turns(number, f"{size} items"):
                turns.run(OURS, size, items, record=True)
                turns.run(MAP, size, items, record=turn == 0)
            for more in range(pace.either(TURNS[SMALL] - number, 0)):
                say(f"{size} items, fan_out alone, {number + more + 1} of {TURNS[SMALL]}")
                turns.run(OURS, size, items, record=True)
            yield from _of_size(turns, size)
        yield from _of_all(turns)


def _of_size(turns: Turns, size: int) -> Iterator[Line]:
    ours, others = turns.found[OURS, size], turns.found[MAP, size]
    mine, other = ([1000 * each for each in found.each] for found in (ours, others))
    yield compared(
        SECONDS[size], mine, other, "ms", f"`fan_out`: {ours.said}; `.map`: {others.said}"
    )
    yield compared(PEAK[size], ours.peak, others.peak, "MiB")


def _of_all(turns: Turns) -> Iterator[Line]:
    small, large = turns.found[OURS, SMALL], turns.found[OURS, LARGE]
    mine, other = ([1000 * each for each in found.each] for found in (large, small))
    yield compared(FLAT_COST, mine, other, "ms")
    yield compared(FLAT_PEAK, large.peak, small.peak, "MiB")
    if not large.lag:
        raise RuntimeError(large.said)
    slowest = f"at most {max(large.lag):.1f} s"
    yield stated(RECORD, large.lag, f"{slowest}; `.map`: {turns.found[MAP, LARGE].said}")
