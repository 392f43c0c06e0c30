"""Many short runs while the worker is not left alone: none is lost and none runs twice."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hosts.control.faults import WORKER, Faults
from tests.hosts.control.server import Run
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container

RUNS, SECONDS, EVERY = 200, 600, 15
# What a run says that a busy server did not let its worker take.
REFUSED = "503 Service Unavailable"
NUISANCES = (
    f"systemctl kill --kill-who=main --signal=KILL {WORKER}",
    f"systemctl restart {WORKER}",
    f"systemctl stop {WORKER} && sleep 3 && systemctl start {WORKER}",
)


@pytest.mark.long
def test_no_run_is_lost_and_none_runs_twice(site: Site, host: Container) -> None:
    faults = Faults(site.api, site.pool, host)
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    with ThreadPoolExecutor(1) as beside:
        ordered = beside.submit(_order, faults)
        _bother(host, random.Random(seed))
        runs = ordered.result()
    # A run whose worker lost the API while it was taking it is CRASHED until the next check.
    for run in runs:
        faults.becomes(run, _has_ended, 300)
    refused = [run for run in runs if faults.run(run)["state_type"] != "COMPLETED"]
    assert {run: steps for run in refused if (steps := faults.steps(run))} == {}
    assert len(refused) < RUNS / 10
    done = {run: faults.steps(run) for run in runs if run not in refused}
    assert {run: steps for run, steps in done.items() if steps != ["before", "after"]} == {}


def _has_ended(run: Run) -> bool:
    return run["state_type"] == "COMPLETED" or REFUSED in str(run["state"]["message"])


def _order(faults: Faults) -> list[str]:
    began = time.monotonic()
    runs = []
    for number in range(RUNS):
        time.sleep(max(0, began + number * SECONDS / RUNS - time.monotonic()))
        runs.append(faults.start())
    return runs


def _bother(host: Container, chance: random.Random) -> None:
    began = time.monotonic()
    while time.monotonic() < began + SECONDS:
        time.sleep(EVERY)
        host.shell(chance.choice(NUISANCES))
