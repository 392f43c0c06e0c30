"""A release with other code and the same dependencies, and how long the machine has no worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
STOCK_UNIT = "stop and start of the stock unit"
AWAY = Row("time without a worker in an upgrade of code alone", STOCK_UNIT, 1.0)
RESTARTED = Row(
    "the same where the upgrade changes the worker's settings, and so restarts it", STOCK_UNIT, 1.0
)
ROWS = (UPGRADE, AWAY, RESTARTED)


def measure(machines: Machines, pace: Pace) -> Iterator[Line]:
    """Upgrade ours twice, and restart the other, by turns."""
    ours, stock = machines.pair
    project = machines.site.project.copy("upgrades")
    upgrades, away, restarted, away_stock = (list[float]() for _ in range(4))
    for turn in pace.turns(TURNS, UPGRADE.what):
        play = partial(machines.by_playbook, ours, project=project)
        project.append(f"src/{project.package.name}/flows/fan_out.py", f"\nRELEASE = {turn}\n")
        away.append(_away(ours, UNIT, partial(_timed, upgrades, play)))
        project.append("prefect.toml", f"\n# {turn}\n")
        restarted.append(_away(ours, UNIT, play))
        again = f"systemctl stop {STOCK}.service && systemctl start {STOCK}.service"
        away_stock.append(_away(stock, f"{STOCK}.service", partial(stock.shell, again)))
    yield compared(UPGRADE, upgrades, machines.first_runs, "s")
    yield compared(AWAY, away, away_stock, "s", "0 where the worker went on")
    yield compared(RESTARTED, restarted, away_stock, "s")


def _timed(times: list[float], act: Callable[[], object]) -> None:
    times.append(seconds(act))


def _away(machine: Container, unit: str, act: Callable[[], object]) -> float:
    """Seconds from the moment that an act stops a unit until its new worker says it has started.

    It says so when the API has heard of it and its loops run.
    """
    before = _stopped(machine, unit)
    act()
    stopped = _stopped(machine, unit)
    if stopped == before:
        return 0.0
    started = eventually(
        lambda: _started(machine, unit, stopped), PATIENCE, f"no worker of {unit} has started"
    )
    return started - stopped


def _stopped(machine: Container, unit: str) -> float:
    """When a unit stopped last, by the clock of systemd's own moments."""
    name = "ActiveExitTimestampMonotonic"
    return int(shown(machine, unit, name)[name]) / 1e6


def _started(machine: Container, unit: str, since: float) -> float | None:
    """When a worker said that it had started, by the same clock."""
    said = machine.shell(f"journalctl --unit={unit} --output=short-monotonic --lines=200")
    moments = [
        float(line[1:].split("]")[0]) for line in said.splitlines() if line.endswith(STARTED)
    ]
    return min((moment for moment in moments if moment > since), default=None)
