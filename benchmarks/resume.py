"""A retried run with all but one of its tasks done, beside that one task alone: local and S3."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing

from benchmarks.pace import Pace, say
from benchmarks.rows import Line, Row, compared
from benchmarks.stage import LOCAL, S3, Stage
from tests.results.lab.project import Project

SIZES = (10, 100, 1_000)
LARGE = SIZES[-1]
# A thousand results in S3 take a quarter of a minute to be read.
TURNS, TURNS_OF_LARGE = 5, {LOCAL: 5, S3: 3}
GOALS = {100: 1.5}
STORAGES = (LOCAL, S3)
Found = dict[int, list[float]]


def _row(storage: str, size: int) -> Row:
    what = f"retried run, {size - 1:,} of {size:,} tasks done, results {_where(storage)}"
    return Row(what, "the one task that is left, alone", GOALS.get(size))


def _where(storage: str) -> str:
    return "in S3" if storage == S3 else "on the machine"


ROWS = tuple(_row(storage, size) for storage in STORAGES for size in SIZES)


def measure(pace: Pace) -> Iterator[Line]:
    """Retry the same runs again and again, each turn in a process of its own."""
    with closing(Stage()) as stage:
        for storage in STORAGES:
            project = stage.project(storage)
            yield from _retried(stage, project, storage, pace)


def _retried(stage: Stage, project: Project, storage: str, pace: Pace) -> Iterator[Line]:
    say(f"runs whose last task fails, {storage}")
    sizes = [pace.either(size, SIZES[0]) for size in SIZES]
    runs = dict(zip(SIZES, stage.run(project, "resume", "prepare", *sizes), strict=True))
    stage.start_anew()
    alone: list[float] = []
    retried: Found = defaultdict(list)
    for turn in pace.turns(TURNS, f"retry of {' and '.join(map(str, SIZES))} tasks, {storage}"):
        chosen = [size for size in SIZES if size < LARGE or turn < TURNS_OF_LARGE[storage]]
        first, *others = stage.run(project, "resume", "retry", *(runs[size] for size in chosen))
        alone.append(first)
        for size, seconds in zip(chosen, others, strict=True):
            retried[size].append(seconds)
        stage.start_anew()
    for size in SIZES:
        more = statistics.median(retried[size]) - statistics.median(alone)
        each = f"the task takes 1 s, each one that is skipped {1000 * more / (size - 1):.2f} ms"
        yield compared(_row(storage, size), retried[size], alone, "s", each)
