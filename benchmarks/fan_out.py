"""The flow `fan_out` beside `.map` of a task for each item, and what the server records of both."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from benchmarks.pace import Pace
from benchmarks.processor import cpu_seconds
from benchmarks.rows import Line, Row, compared, figure, stated
from benchmarks.stage import LOCAL, Stage
from tests.results.lab.project import Project

BATCH = 100
SMALL, MIDDLE, LARGE = 100, 1_000, 10_000
TURNS = 5
# `.map` of ten thousand takes more than a minute, and the server then has to be started anew.
TURNS_OF_MAP = {SMALL: TURNS, MIDDLE: TURNS, LARGE: 1}
OURS, MAP = "fan_out", "map"
OTHER = "`.map` over the same items, default runner"
RECORDED_WITHIN = 30

SECONDS = {n: Row(f"`fan_out` of {n:,} items, seconds an item", OTHER, 0.5) for n in TURNS_OF_MAP}
PEAK = {n: Row(f"`fan_out` of {n:,} items, peak memory", OTHER) for n in TURNS_OF_MAP}
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
    tasks: int = 0
    recorded: list[int] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether the server has recorded all that it was watched for."""
        return min(self.recorded) == self.tasks

    @property
    def said(self) -> str:
        """What the server recorded in the turns in which it was watched."""
        return (
            f"{min(self.recorded):,} of {self.tasks:,} tasks were recorded as done"
            f" {statistics.median(self.lag):.0f} s after it, and took the server"
            f" {1000 * statistics.median(self.busy):.0f} ms of a processor each"
            f" (n = {len(self.busy)})"
        )


class Turns:
    """Runs of both flows, and what was measured of them."""

    def __init__(self, stage: Stage) -> None:
        """Generate a project."""
        self.found: dict[tuple[str, int], Found] = defaultdict(Found)
        self._stage: Stage = stage
        self._project: Project = stage.project(LOCAL)

    def run(self, flow: str, size: int, items: int, record: bool) -> None:
        """Run a flow once; `record` waits for what the server writes down of it."""
        server = self._stage.server
        done = self._stage.run(self._project, "fan_out", flow, items)
        found = self.found[flow, size]
        found.each.append(done["seconds"] / items)
        found.peak.append(done["peak"])
        found.tasks = items if flow == MAP else -(-items // BATCH)
        if record:
            self._wait_for_record(done, found)
            found.busy.append((cpu_seconds(server.pid) - done["server"]) / found.tasks)
        # It would write down for minutes what a large run did, and keep every other run waiting.
        if found.tasks > SMALL:
            self._stage.start_anew()

    def more(self, few: int, many: int) -> str:
        """What an item more takes `fan_out`, without what every run takes."""
        less, all_of_them = (
            size * statistics.median(self.found[OURS, size].each) for size in (few, many)
        )
        each = 1000 * (all_of_them - less) / (many - few)
        return f"{figure(each)} ms from {few:,} to {many:,}"

    def _wait_for_record(self, done: dict[str, Any], found: Found) -> None:
        recorded, lag = 0, 0.0
        while recorded < found.tasks and lag < RECORDED_WITHIN:
            time.sleep(0.5)
            recorded, lag = self._recorded(done["run"]), time.time() - done["ended"]
        found.recorded.append(recorded)
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
        for size, turns_of_map in TURNS_OF_MAP.items():
            items = pace.either(size, min(size, BATCH))
            for turn in pace.turns(TURNS, f"{size} items"):
                turns.run(OURS, size, items, record=True)
                if turn < turns_of_map:
                    # The server needs a quarter of a minute for the record of a thousand.
                    turns.run(MAP, size, items, record=turn == 0 or size == SMALL)
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
    steps = (turns.more(SMALL, MIDDLE), turns.more(MIDDLE, LARGE))
    yield compared(FLAT_COST, mine, other, "ms", f"an item more takes {', then '.join(steps)}")
    yield compared(FLAT_PEAK, large.peak, small.peak, "MiB")
    if not large.complete:
        raise RuntimeError(large.said)
    slowest = f"at most {max(large.lag):.1f} s"
    yield stated(RECORD, large.lag, f"{slowest}; `.map`: {turns.found[MAP, LARGE].said}")
