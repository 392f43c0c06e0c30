"""Compare what generating a project costs with what cookiecutter itself costs.

The floor is a template of one file, generated in turn with ours, each by a command of its own.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEMPLATE = Path(__file__).parents[1]
RUNS = 9
LIMIT = 1.5


def one_file_template(folder: Path) -> Path:
    """Write the smallest template there is."""
    project = folder / "template" / "{{cookiecutter.name}}"
    project.mkdir(parents=True)
    (project / "README.md").write_text("# {{cookiecutter.name}}\n", encoding="utf-8")
    answers = folder / "template" / "cookiecutter.json"
    answers.write_text('{"name": "floor"}\n', encoding="utf-8")
    return folder / "template"


def seconds(template: Path, out: Path) -> float:
    """Return how long it takes to generate a project."""
    command = (sys.executable, "-m", "cookiecutter", "--no-input", "--output-dir", out, template)
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def main() -> int:
    """Measure both in turn, print the medians and fail above the limit."""
    with tempfile.TemporaryDirectory() as folder:
        floor_template = one_file_template(Path(folder))
        floor, ours = [], []
        for turn in range(RUNS):
            floor.append(seconds(floor_template, Path(folder, f"floor-{turn}")))
            ours.append(seconds(TEMPLATE, Path(folder, f"ours-{turn}")))
    ratio = statistics.median(ours) / statistics.median(floor)
    print(f"one file     {statistics.median(floor):.2f} s")
    print(f"our template {statistics.median(ours):.2f} s")
    print(f"ratio        {ratio:.2f}, at most {LIMIT}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
