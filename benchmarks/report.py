"""The table in `results.md`, quoted by the README; `python -m benchmarks.report` compares them."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from benchmarks.rows import HEAD, Line

TOP = Path(__file__).parents[1]
RESULTS = TOP / "benchmarks/results.md"
README = TOP / "README.md"
PINS = TOP / "templates/requirements/process-local.txt"
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
        f"Measured on {datetime.now(timezone.utc):%Y-%m-%d} on {cores} cores"
        f" ({platform.machine()}, {gibibytes:.0f} GiB, {_system()}), load {os.getloadavg()[0]:.1f}"
        f" before, with {', '.join(f'{name} {number}' for name, number in programs.items())}."
    )


def table(lines: Sequence[Line]) -> str:
    """The table in Markdown."""
    return "\n".join([HEAD, *map(str, lines)]) + "\n"


def write(where: str, lines: Sequence[Line]) -> None:
    """Put the table into both files."""
    for file in (RESULTS, README):
        before, _, after = _parts(file)
        text = f"{before}{START}{where}\n\n{table(lines)}{END}{after}"
        file.write_text(text, encoding="utf-8")


def main() -> int:
    """Exit non-zero if the README's table is not the one that was measured."""
    if _parts(README)[1] == _parts(RESULTS)[1]:
        return 0
    print("README.md does not quote the table of benchmarks/results.md; `make bench` writes both.")
    return 1


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
