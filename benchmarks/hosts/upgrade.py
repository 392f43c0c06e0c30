"""A release with other code and the same dependencies, and how long the machine has no worker."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.hosts.machines import STOCK, Machines, seconds
from benchmarks.pace import Pace
from benchmarks.rows import Line, Row, compared
from tests.hosts.control.observe import UNIT, shown
from tests.hosts.control.server import eventually
from tests.hosts.machines.container import Container

TURNS = 5
PATIENCE = 60.0
STARTED = " started!"
UPGRADE = Row("upgrade of code alone", "first converge", 0.25)
AWAY = Row(
    "time without a worker in an upgrade, until the new one has started",
    "stop and start of the stock unit",
    1.0,
)
ROWS = (UPGRADE, AWAY)


def measure(machines: Machines, pace: Pace) -> Iterator[Line]:
    """Upgrade ours, and restart the other, by turns."""
    ours, stock = machines.pair
    project = machines.site.project.copy("upgrades")
    upgrades, away, away_stock = list[float](), list[float](), list[float]()
    for turn in pace.turns(TURNS, UPGRADE.what):
        project.append(f"src/{project.package.name}/flows/fan_out.py", f"\nRELEASE = {turn}\n")
        upgrades.append(seconds(partial(machines.by_playbook, ours, project=project)))
        away.append(_away(ours, UNIT))
        stock.shell(f"systemctl stop {STOCK}.service && systemctl start {STOCK}.service")
        away_stock.append(_away(stock, f"{STOCK}.service"))
    yield compared(UPGRADE, upgrades, machines.first_runs, "s")
    yield compared(AWAY, away, away_stock, "s")


def _away(machine: Container, unit: str) -> float:
    """Seconds from the moment a unit was told to stop until its new worker says it has started.

    It says so when the API has heard of it and its loops run.
    """
    name = "ActiveExitTimestampMonotonic"
    stopped = int(shown(machine, unit, name)[name]) / 1e6
    started = eventually(
        lambda: _started(machine, unit, stopped), PATIENCE, f"no worker of {unit} has started"
    )
    return started - stopped


def _started(machine: Container, unit: str, since: float) -> float | None:
    """When a worker said that it had started, by the clock of systemd's own moments."""
    said = machine.shell(f"journalctl --unit={unit} --output=short-monotonic --lines=200")
    moments = [
        float(line[1:].split("]")[0]) for line in said.splitlines() if line.endswith(STARTED)
    ]
    return min((moment for moment in moments if moment > since), default=None)
