"""Run random programs on our runtime and on stock Prefect, and print the shares of the verdicts."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from tests.durable.programs.generate import program
from tests.durable.programs.judge import BAD, VERDICTS, Verdict, judge
from tests.durable.programs.lab import ROOT, Lab, Outcome, lab
from tests.durable.programs.oracle import Truth
from tests.durable.programs.render import source
from tests.durable.programs.runners import MODULES
from tests.durable.programs.shape import Program
from tests.durable.programs.shrink import shrink


@dataclass(frozen=True)
class Run:
    """A program that ran."""

    number: int
    dialect: str
    program: Program
    outcome: Outcome
    verdict: Verdict

    def __str__(self) -> str:
        """Return the verdict in words."""
        call, _, how, at = self.outcome.fails
        reasons = "".join(f"\n    {reason[:500]}" for reason in self.verdict.reasons)
        told = f"{self.dialect}: {self.verdict.name} ({how} at the {at} of {call[:200]})"
        runner = self.program.functions[-1].runner
        return f"RUNNER={runner} SEED={self.number} {told}{reasons}"


def main() -> int:
    """Run what the command line asks for; 1 if the durable runtime was not right once."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, help="one program, which is printed")
    parser.add_argument("--first", type=int, default=0, help="the first program")
    parser.add_argument("--count", type=int, default=0, help="how many programs; 0 runs on")
    parser.add_argument("--shrink", type=int, default=0, help="smaller programs to try with --seed")
    parser.add_argument("--at-a-time", type=int, default=2, help="programs side by side")
    parser.add_argument("--runner", default="threads", choices=["threads", *MODULES])
    parser.add_argument("--stock", action="store_true", help="run them on stock Prefect, too")
    asked = parser.parse_args()
    # In the background SIGINT is ignored, which the processes of the lab would inherit.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    dialects = ["durable", "stock"] if asked.stock else ["durable"]
    folder = ROOT / f"build/fuzz/{os.getpid()}"
    with lab(folder) as place:
        for dialect in dialects:
            count = 1 if asked.seed is not None else asked.at_a_time
            place.add(dialect, count, runner=asked.runner)
        if asked.seed is not None:
            failed = one(place, asked.runner, asked.seed, dialects, asked.shrink)
        else:
            last = asked.first + asked.count if asked.count else sys.maxsize
            numbers = range(asked.first, last)
            failed = many(place, asked.runner, numbers, dialects, asked.at_a_time)
    if failed:
        print(f"What was executed is in {folder}.")
    else:
        shutil.rmtree(folder)
    return int(failed)


def one(place: Lab, runner: str, number: int, dialects: list[str], tries: int) -> bool:
    """Run one program and print all of it; try smaller ones if it fails."""
    drawn, right = program(number, runner)
    ran = run(place, number, "durable", drawn, right)
    if tries and ran.verdict.name in BAD:
        drawn, right = shrink(
            number,
            runner,
            lambda *smaller: (
                run(place, number, "durable", *smaller).verdict.name == ran.verdict.name
            ),
            tries,
        )
    runs = [run(place, number, dialect, drawn, right) for dialect in dialects]
    for name, text in source(drawn, "durable").items():
        print(f"# {name}\n{text}")
    for ran in runs:
        print(*ran.outcome.outputs, ran, sep="\n---\n")
    return runs[0].verdict.name in BAD


def many(
    place: Lab, runner: str, numbers: Iterable[int], dialects: list[str], at_a_time: int
) -> bool:
    """Run programs, print what is not right and, in the end, the shares of the verdicts."""
    shares: dict[str, Counter[str]] = {dialect: Counter() for dialect in dialects}
    documented = Counter[str]()
    begun = time.monotonic()
    try:
        for ran in run_all(place, runner, numbers, dialects, at_a_time):
            shares[ran.dialect][ran.verdict.name] += 1
            if ran.dialect == "durable" and ran.verdict.name in BAD:
                print(ran, flush=True)
            if ran.dialect == "durable" and ran.verdict.name == "documented":
                documented.update(ran.verdict.reasons)
    except KeyboardInterrupt:
        print("stopped")
    seconds = time.monotonic() - begun
    for dialect, share in shares.items():
        parts = ", ".join(f"{name} {share[name]}" for name in VERDICTS)
        print(f"{dialect}: {parts} of {share.total()}")
    print("documented:", ", ".join(f"{name} {n}" for name, n in documented.most_common()))
    print(f"{seconds / max(1, shares[dialects[0]].total()):.2f} s for each program")
    return bool(set(shares["durable"]) & set(BAD))


def run_all(
    place: Lab, runner: str, numbers: Iterable[int], dialects: list[str], at_a_time: int
) -> Iterator[Run]:
    """Run programs side by side and yield what became of them, in the order of their numbers."""

    def started(number: int) -> list[Run]:
        drawn, right = program(number, runner)
        return [run(place, number, dialect, drawn, right) for dialect in dialects]

    left = iter(numbers)
    with ThreadPoolExecutor(at_a_time) as pool:
        running = [pool.submit(started, number) for number in islice(left, 2 * at_a_time)]
        while running:
            yield from running.pop(0).result()
            running += [pool.submit(started, number) for number in islice(left, 1)]


def run(place: Lab, number: int, dialect: str, drawn: Program, right: Truth) -> Run:
    """Run a program and judge it."""
    outcome = place.run(drawn, right, dialect, str(number))
    return Run(number, dialect, drawn, outcome, judge(drawn, outcome))


if __name__ == "__main__":
    sys.exit(main())
