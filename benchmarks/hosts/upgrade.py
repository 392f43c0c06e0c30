"""A release with other code and the same dependencies, and how long the machine has no worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from benchmarks.hosts.machines import STOCK, Machines, seconds
from benchmarks.pace import Pace
from benchmarks.rows import Line, Row, compared
from tests.hosts.control.observe import UNIT, shown
from tests.hosts.control.server import Api, eventually, now
from tests.hosts.machines.container import Container

TURNS = 5
PATIENCE = 60.0
UPGRADE = Row("upgrade of code alone", "first converge", 0.25)
AWAY = Row(
    "time without a worker in an upgrade, until the new one is heard of",
    "stop and start of the stock unit",
    1.0,
)
ROWS = (UPGRADE, AWAY)


def measure(machines: Machines, pace: Pace) -> Iterator[Line]:
    """Upgrade ours, and restart the other, by turns."""
    ours, stock = machines.pair
    site, project = machines.site, machines.site.project.copy("upgrades")
    upgrades, away, away_stock = list[float](), list[float](), list[float]()
    for turn in pace.turns(TURNS, UPGRADE.what):
        project.append(f"src/{project.package.name}/flows/fan_out.py", f"\nRELEASE = {turn}\n")
        upgrades.append(seconds(partial(machines.by_playbook, ours, project=project)))
        away.append(_away(site.api, site.pool, ours, UNIT))
        stock.shell(f"systemctl stop {STOCK}.service && systemctl start {STOCK}.service")
        away_stock.append(_away(site.api, STOCK, stock, f"{STOCK}.service"))
    yield compared(UPGRADE, upgrades, machines.first_runs, "s")
    yield compared(AWAY, away, away_stock, "s")


def _away(api: Api, pool: str, machine: Container, unit: str) -> float:
    """Seconds from the moment a unit was stopped until the API heard of its new worker.

    A worker is heard of when it starts and then every half a minute, so ask soon.
    """
    name = "ActiveExitTimestampMonotonic"
    # The machines are containers: they have this computer's clock.
    stopped_ago = time.monotonic() - int(shown(machine, unit, name)[name]) / 1e6
    stopped = now() - timedelta(seconds=stopped_ago)
    heard = eventually(
        lambda: _heard(api, pool, stopped), PATIENCE, f"no worker of {pool} is heard of"
    )
    return (heard - stopped).total_seconds()


def _heard(api: Api, pool: str, since: datetime) -> datetime | None:
    """When the pool's worker was heard of last, if that was since a moment."""
    workers = api.request("POST", f"/work_pools/{pool}/workers/filter", {})
    said = [str(worker["last_heartbeat_time"]) for worker in workers]
    beats = [datetime.fromisoformat(moment.replace("Z", "+00:00")) for moment in said]
    return max((beat for beat in beats if beat > since), default=None)
