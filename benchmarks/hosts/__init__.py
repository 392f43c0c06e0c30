"""The playbook and the flow runs of its machines, beside what people do by hand."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks.hosts import converge, fleet, runs, upgrade
from benchmarks.hosts.machines import SUITE, Machines
from benchmarks.needs import lacking
from benchmarks.pace import Pace
from benchmarks.rows import Line, attempted, not_measured
from tests.hosts.control.site import Site
from tests.hosts.machines.lab import Lab

# Later parts use the machines of the first.
PARTS = (converge, upgrade, runs, fleet)
ROWS = tuple(row for part in PARTS for row in part.ROWS)
MACHINES = Path(__file__).parents[2] / "tests/hosts/machines"


def measure(pace: Pace) -> Iterator[Line]:
    """Measure what needs machines, or say what is missing for them."""
    if reason := lacking(MACHINES):
        yield from (not_measured(row, reason) for row in ROWS)
        return
    with closing(Lab(in_memory=True)) as lab:
        machines = Machines(_site(lab))
        for part in PARTS:
            yield from attempted(part.ROWS, partial(part.measure, machines, pace))


def _site(lab: Lab) -> Site:
    """The server and the project, made while the machines' system is unpacked."""
    with ThreadPoolExecutor() as beside:
        unpacked = beside.submit(lab.bare, SUITE)
        site = Site(lab)
        unpacked.result()
    return site
