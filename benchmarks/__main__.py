"""Measures every row: `python -m benchmarks [SUBJECT ...] [--quick]`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from benchmarks import bake, fan_out, hosts, persistence, polling, report, resume
from benchmarks.pace import Pace, say
from benchmarks.rows import Line, Row, attempted

Subject = tuple[Sequence[Row], Callable[[Pace], Iterator[Line]]]
SUBJECTS: dict[str, Subject] = {
    module.__name__.removeprefix(f"{__package__}."): (module.ROWS, module.measure)
    for module in (bake, hosts, polling, fan_out, resume, persistence)
}


def main() -> int:
    """Measure, print the table, and write it if it is whole; 1 if a row failed."""
    # A terminated run stops its servers, too, and a run in the background does not ignore SIGINT,
    # which its servers would inherit.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    wanted = _arguments()
    chosen = wanted.subject or list(SUBJECTS)
    where, lines = report.machine(), list[Line]()
    for name in chosen:
        rows, measure = SUBJECTS[name]
        say(name)
        for line in attempted(rows, partial(measure, Pace(wanted.quick))):
            say(f"  {line}")
            lines.append(line)
    print(f"{where}\n\n{report.table(lines)}", end="")
    if wanted.quick or wanted.subject:
        print("\nNot written: the table is that of one whole run, `make bench`.")
    else:
        report.write(where, lines)
    broken = [line for line in lines if line.failed]
    if broken:
        print(f"\n{len(broken)} of {len(lines)} rows failed.", file=sys.stderr)
    return 1 if broken else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    subjects = ", ".join(SUBJECTS)
    parser.add_argument("subject", nargs="*", help=f"any of {subjects}; all, if none is named")
    parser.add_argument("--quick", action="store_true", help="everything once, and tiny")
    wanted = parser.parse_args()
    for name in set(wanted.subject) - set(SUBJECTS):
        parser.error(f"There is no subject {name!r}, only {subjects}.")
    return wanted


if __name__ == "__main__":
    sys.exit(main())
