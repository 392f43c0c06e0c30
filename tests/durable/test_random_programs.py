"""Random flow programs: a retry after a failure equals a run without the failure."""

from __future__ import annotations

from pathlib import Path

from tests.durable.programs.__main__ import run_all
from tests.durable.programs.definitions import SHAPES
from tests.durable.programs.judge import BAD
from tests.durable.programs.lab import lab

PROGRAMS = range(40)
"""The numbers of the programs that run here; `make fuzz` runs all others."""
AT_A_TIME = 2


def test_a_retry_equals_a_run_without_the_failure(tmp_path: Path) -> None:
    with lab(tmp_path) as place:
        place.add("durable", AT_A_TIME)
        runs = list(run_all(place, PROGRAMS, ["durable"], AT_A_TIME))
    bad = [str(run) for run in runs if run.verdict.name in BAD]
    assert not bad, "\n".join(bad)
    assert {one.shape for run in runs for one in run.program.functions} >= SHAPES.keys()
