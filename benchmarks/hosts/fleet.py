"""Ten machines at once, beside one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.hosts.machines import Machines, seconds
from benchmarks.pace import Pace
from benchmarks.rows import Line, Row, compared
from tests.hosts.machines.container import Container

SIZE = 10
# Two minutes for ten machines to be filled, in a benchmark of half an hour.
FIRST_TURNS, LATER_TURNS = 1, 5
FIRST = Row("ten hosts, first converge", "one host", 4)
LATER = Row("ten hosts, unchanged second run", "one host", 3)
ROWS = (FIRST, LATER)
HERE = "all machines share this computer's processors"


def measure(machines: Machines, pace: Pace) -> Iterator[Line]:
    """Take ten bare machines at a time; the last ten are played again."""
    # Machines of before would take their share of the processors.
    machines.keep()
    size = pace.either(SIZE, 2)
    first, later, ten = list[float](), list[float](), list[Container]()
    for turn in pace.turns(FIRST_TURNS, FIRST.what):
        for machine in ten:
            machine.discard()
        machines.forget_workers()
        ten = machines.booted(*(f"ten{turn}-{number}" for number in range(size)))
        first.append(seconds(partial(machines.by_playbook, *ten)))
    yield compared(FIRST, first, machines.first_runs, "s", f"{HERE}; one turn, as it takes minutes")
    for _ in pace.turns(LATER_TURNS, LATER.what):
        later.append(seconds(partial(machines.by_playbook, *ten)))
    yield compared(LATER, later, machines.later_runs, "s", HERE)
    for machine in ten:
        machine.discard()
