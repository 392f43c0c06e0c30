"""What keeping a task's result costs, on the machine and in S3, by its size."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from contextlib import closing

from benchmarks.pace import Pace
from benchmarks.rows import Line, Row, compared, figure
from benchmarks.stage import FOLDER, LOCAL, S3, Stage, in_project
from tests.results.lab.project import Project

KIB = 1024
# Bytes of a result: tasks in a run, turns.
SIZES = {KIB: (50, 5), KIB**2: (10, 5), 100 * KIB**2: (1, 3)}
TINY = KIB


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
                project = stage.project(storage)
                for size in SIZES:
                    yield _measured(stage, project, storage, size, pace)
    finally:
        # Gigabytes of results.
        shutil.rmtree(FOLDER, ignore_errors=True)


def _measured(stage: Stage, project: Project, storage: str, size: int, pace: Pace) -> Line:
    count, turns = SIZES[size]
    kept: list[float] = []
    not_kept: list[float] = []
    for _ in pace.turns(turns, f"results of {size:,} bytes, {storage}"):
        found = in_project(project, "persistence", pace.either(size, TINY), pace.either(count, 2))
        kept.append(1000 * found["kept"])
        not_kept.append(1000 * found["not_kept"])
        stage.rest()
    more = statistics.median(kept) - statistics.median(not_kept)
    return compared(_row(storage, size), kept, not_kept, "ms", f"{figure(more)} ms more a task")
