"""A retried run with all but one of its tasks done, beside that one task alone: local and S3."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing

from benchmarks.pace import Pace, say
from benchmarks.rows import Line, Row, compared
from benchmarks.stage import LOCAL, S3, Stage, in_project
from tests.results.lab.project import Project

SIZES = (10, 100)
LARGE = 1_000
TURNS, TURNS_OF_LARGE = 5, 1
GOALS = {100: 1.5}
STORAGES = (LOCAL, S3)
Found = dict[int, list[float]]


def _row(storage: str, size: int) -> Row:
    what = f"retried run, {size - 1:,} of {size:,} tasks done, results {_where(storage)}"
    return Row(what, "the one task that is left, alone", GOALS.get(size))


def _where(storage: str) -> str:
    return "in S3" if storage == S3 else "on the machine"


ROWS = tuple(_row(storage, size) for storage in STORAGES for size in (*SIZES, LARGE))


def measure(pace: Pace) -> Iterator[Line]:
    """Retry the same runs again and again, each turn in a process of its own."""
    with closing(Stage()) as stage:
        for storage in STORAGES:
            project = stage.project(storage)
            yield from _retried(stage, project, storage, SIZES, pace, TURNS)
            yield from _retried(stage, project, storage, (LARGE,), pace, TURNS_OF_LARGE)


def _retried(
    stage: Stage, project: Project, storage: str, sizes: tuple[int, ...], pace: Pace, turns: int
) -> Iterator[Line]:
    runs = {size: _prepared(stage, project, pace.either(size, 10)) for size in sizes}
    alone: list[float] = []
    retried: Found = defaultdict(list)
    for _ in pace.turns(turns, f"retry of {' and '.join(map(str, sizes))} tasks, {storage}"):
        first, *others = in_project(project, "resume", "retry", *runs.values())
        alone.append(first)
        for size, seconds in zip(sizes, others, strict=True):
            retried[size].append(seconds)
        stage.rest()
    for size in sizes:
        more = statistics.median(retried[size]) - statistics.median(alone)
        each = f"the task takes 1 s, each one that is skipped {1000 * more / (size - 1):.2f} ms"
        yield compared(_row(storage, size), retried[size], alone, "s", each)


def _prepared(stage: Stage, project: Project, size: int) -> str:
    say(f"a run of {size} tasks whose last one fails, {project.slug}")
    run_id: str = in_project(project, "resume", "prepare", size)
    stage.rest()
    return run_id
