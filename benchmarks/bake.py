"""Generating a project, beside cookiecutter's own floor: a template of one file."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pace import Pace
from benchmarks.rows import Line, Row, compared

TEMPLATE = Path(__file__).parents[1]
TURNS = 9
ROW = Row("bake a project", "cookiecutter on a template of one file", 1.3)
ROWS = (ROW,)


def measure(pace: Pace) -> Iterator[Line]:
    """Generate both in turn, each by a command of its own."""
    floor: list[float] = []
    ours: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        floor_template = _one_file_template(Path(folder))
        for turn in pace.turns(TURNS, ROW.what):
            floor.append(_seconds(floor_template, Path(folder, f"floor-{turn}")))
            ours.append(_seconds(TEMPLATE, Path(folder, f"ours-{turn}")))
    yield compared(ROW, ours, floor, "s")


def _one_file_template(folder: Path) -> Path:
    """Write the smallest template there is."""
    project = folder / "template" / "{{cookiecutter.name}}"
    project.mkdir(parents=True)
    (project / "README.md").write_text("# {{cookiecutter.name}}\n", encoding="utf-8")
    answers = folder / "template" / "cookiecutter.json"
    answers.write_text('{"name": "floor"}\n', encoding="utf-8")
    return folder / "template"


def _seconds(template: Path, out: Path) -> float:
    command = (sys.executable, "-m", "cookiecutter", "--no-input", "--output-dir", out, template)
    start = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - start
