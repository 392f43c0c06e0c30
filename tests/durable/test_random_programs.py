"""Random flow programs: a retry after a failure equals a run without the failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.durable.programs.__main__ import Run, run_all
from tests.durable.programs.definitions import SHAPES
from tests.durable.programs.judge import BAD
from tests.durable.programs.lab import ROOT, lab
from tests.pythons import NEWEST, newest_python

PROGRAMS = range(30)
"""The numbers of the programs that run here; `make fuzz` runs all others."""
OF_THE_NEWEST = range(30, 33)
"""Those that the newest Python runs."""


def test_a_retry_equals_a_run_without_the_failure(tmp_path: Path) -> None:
    runs = judged(tmp_path, sys.executable, PROGRAMS, at_a_time=2)
    assert {one.shape for run in runs for one in run.program.functions} >= SHAPES.keys()


def test_so_it_does_with_the_newest_python(tmp_path: Path) -> None:
    python = newest_python()
    if python is None:
        tell = pytest.fail if os.environ.get("CI") else pytest.skip
        tell(f"There is no {NEWEST}.")
    judged(tmp_path / "lab", environment(tmp_path / "venv", python), OF_THE_NEWEST, at_a_time=1)


def judged(folder: Path, python: str, numbers: range, at_a_time: int) -> list[Run]:
    """Run programs with a Python, and return what became of them if none of it is bad."""
    with lab(folder, python) as place:
        place.add("durable", at_a_time, python)
        runs = list(run_all(place, "threads", numbers, ["durable"], at_a_time))
    bad = [str(run) for run in runs if run.verdict.name in BAD]
    assert not bad, "\n".join(bad)
    return runs


def environment(folder: Path, python: str) -> str:
    """Install what a project has, with a Python, and return that of the environment."""
    uv = str(Path(sys.executable).with_name("uv"))
    made = str(folder / "bin/python")
    pins = ROOT / "templates/requirements/process-local.txt"
    subprocess.run([uv, "venv", "--quiet", "-p", python, str(folder)], check=True)
    install = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", made, str(pins)]
    subprocess.run(install, check=True)
    return made
