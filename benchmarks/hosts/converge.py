"""From a bare machine to a worker ONLINE, and a run of the playbook that has nothing to change."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.hosts.machines import Machines, seconds
from benchmarks.pace import Pace
from benchmarks.rows import Line, Row, compared, figure
from tests.hosts.control.project import TOOLS
from tests.hosts.control.site import Site
from tests.hosts.machines.shell import run

TURNS = 5
KINDS = ("pip", "uv", "play")
BY_HAND = "a shell script over SSH, caches as warm: apt's python3-venv, pip, unit, start"
BY_UV = "the same script with uv"
FIRST = Row("first converge of a bare Debian 13, proved by a flow run", BY_HAND, 1.2)
FIRST_UV = Row("the same", BY_UV, 1.2)
LATER = Row("unchanged second run", "`ansible -m ping` of the same host", 8)
ROWS = (FIRST, FIRST_UV, LATER)


def measure(machines: Machines, pace: Pace) -> Iterator[Line]:
    """Measure all by turns; the last two machines stay."""
    by_pip, by_uv, proofs = (list[float]() for _ in range(3))
    _warm_caches(machines)
    for turn in pace.turns(TURNS, FIRST.what):
        machines.keep()
        pip, stock, ours = machines.booted(*(f"{kind}{turn}" for kind in KINDS))
        by_pip.append(seconds(partial(machines.by_hand, pip, "pip")))
        pip.discard()
        by_uv.append(seconds(partial(machines.by_hand, stock, TOOLS / "uv")))
        # With another worker in the pool, the flow run would not go through the pool.
        machines.forget_workers()
        # Last, as the inventory is that of the last run.
        machines.first_runs.append(seconds(partial(machines.by_playbook, ours)))
        proofs.append(machines.proof())
        machines.keep(ours, stock)
    yield compared(FIRST, machines.first_runs, by_pip, "s")
    proof = f"{figure(statistics.median(proofs))} s of it by the flow run that the script lacks"
    yield compared(FIRST_UV, machines.first_runs, by_uv, "s", proof)
    ours, pings = machines.pair[0], list[float]()
    for _ in pace.turns(TURNS, LATER.what):
        pings.append(seconds(partial(ping, machines.site)))
        machines.later_runs.append(seconds(partial(machines.by_playbook, ours)))
    yield compared(LATER, machines.later_runs, pings, "s")


def ping(site: Site) -> None:
    """What the least of Ansible takes."""
    command: list[str | Path] = [TOOLS / "ansible", "prefect_workers", "-m", "ping"]
    run(command, folder=site.project.folder / "ansible")


def _warm_caches(machines: Machines) -> None:
    """Let nobody be the first to ask for anything."""
    warm, pip = machines.booted("warm", "warm-pip")
    with ThreadPoolExecutor() as beside:
        filled = beside.submit(machines.by_hand, pip, "pip")
        machines.by_playbook(warm)
        filled.result()
    warm.discard()
    pip.discard()
