"""The table in `results.md`, of which the README quotes five rows.

`python -m benchmarks.report` compares them, `--write` quotes them anew.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.rows import HEAD, Line

TOP = Path(__file__).parents[1]
RESULTS = TOP / "benchmarks/results.md"
README = TOP / "README.md"
PINS = TOP / "templates/requirements/process-local.txt"
# How the rows that the README quotes begin.
QUOTED = (
    "| first converge of a bare Debian 13, proved by a flow run |",
    "| unchanged second run |",
    "| flow run, scheduled to Running | Prefect's documented unit",
    "| `fan_out` of 10,000 items, seconds an item | `.map`",
    "| retried run, 99 of 100 tasks done, results on the machine |",
)
START, END = "<!-- measured -->\n", "<!-- end of measured -->\n"


def machine() -> str:
    """What the figures depend on, in one sentence; ask before the machine is busy."""
    cores, gibibytes = os.cpu_count(), _memory() / 2**30
    prefect = re.search(r"^prefect==(\S+)", PINS.read_text(encoding="utf-8"), re.M)
    programs = {
        "Python": platform.python_version(),
        "Prefect": prefect[1] if prefect else "unknown",
        "cookiecutter": version("cookiecutter"),
        "ansible-core": version("ansible-core"),
    }
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} on {cores} cores"
        f" ({platform.machine()}, {gibibytes:.0f} GiB, {_system()}), load {os.getloadavg()[0]:.1f}"
        f" before, with {', '.join(f'{name} {number}' for name, number in programs.items())}."
    )


def table(lines: Sequence[Line]) -> str:
    """The table in Markdown."""
    return "\n".join([HEAD, *map(str, lines)]) + "\n"


def write(where: str, lines: Sequence[Line]) -> None:
    """Put the table into `results.md`, and what is quoted of it into the README."""
    _replace(RESULTS, f"{where}\n\n{table(lines)}")
    _replace(README, quoted())


def quoted() -> str:
    """Return what the README quotes of `results.md`: where it was measured, and its rows."""
    lines = _parts(RESULTS)[1].splitlines(keepends=True)
    rows = [line for line in lines if line.startswith(QUOTED)]
    if len(rows) != len(QUOTED):
        raise ValueError(f"{RESULTS} has {len(rows)} of the {len(QUOTED)} rows that are quoted.")
    head = [line for line in lines if not line.startswith("| ") or line in HEAD.splitlines(True)]
    return "".join([*head, *rows])


def main() -> int:
    """Exit non-zero if the README quotes other rows than those that were measured."""
    if "--write" in sys.argv:
        _replace(README, quoted())
    if _parts(README)[1] == quoted():
        return 0
    print(f"README.md does not quote {RESULTS.name}: python -m benchmarks.report --write does.")
    return 1


def _replace(file: Path, measured: str) -> None:
    before, _, after = _parts(file)
    file.write_text(f"{before}{START}{measured}{END}{after}", encoding="utf-8")


def _parts(file: Path) -> tuple[str, str, str]:
    """What comes before the measured part, the part, and what comes after it."""
    before, start, rest = file.read_text(encoding="utf-8").partition(START)
    measured, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"{file} has no part between {START.strip()} and {END.strip()}.")
    return before, measured, after


def _memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


if __name__ == "__main__":
    sys.exit(main())
