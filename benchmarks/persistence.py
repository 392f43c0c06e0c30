"""What keeping a task's result costs, on the machine and in S3, by its size."""

from __future__ import annotations

import shutil
import statistics
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing

from benchmarks.pace import Pace
from benchmarks.rows import Line, Row, compared, figure
from benchmarks.stage import FOLDER, LOCAL, S3, Stage

KIB = 1024
# Bytes of a result: tasks in a run.
SIZES = {KIB: 50, KIB**2: 10, 100 * KIB**2: 1}
TURNS = 5


def _row(storage: str, size: int) -> Row:
    amount = f"{size // KIB} KiB" if size < KIB**2 else f"{size // KIB**2} MiB"
    where = "in S3" if storage == S3 else "on the machine"
    return Row(f"task with a result of {amount}, kept {where}", "the same task, result not kept")


ROWS = tuple(_row(storage, size) for storage in (LOCAL, S3) for size in SIZES)


def measure(pace: Pace) -> Iterator[Line]:
    """Run the same tasks with and without."""
    try:
        with closing(Stage()) as stage:
            for storage in (LOCAL, S3):
                yield from _measured(stage, storage, pace)
    finally:
        # Gigabytes of results.
        shutil.rmtree(FOLDER, ignore_errors=True)


def _measured(stage: Stage, storage: str, pace: Pace) -> Iterator[Line]:
    project = stage.project(storage)
    kept: dict[int, list[float]] = defaultdict(list)
    not_kept: dict[int, list[float]] = defaultdict(list)
    for _ in pace.turns(TURNS, f"kept results, {storage}"):
        wishes = [f"{size}:{pace.either(count, 1)}" for size, count in SIZES.items()]
        found = stage.run(project, "persistence", *wishes)
        for size, seconds in found.items():
            kept[int(size)].append(1000 * seconds["kept"])
            not_kept[int(size)].append(1000 * seconds["not_kept"])
    for size in kept:
        more = statistics.median(kept[size]) - statistics.median(not_kept[size])
        yield compared(
            _row(storage, size), kept[size], not_kept[size], "ms", f"{figure(more)} ms more a task"
        )
