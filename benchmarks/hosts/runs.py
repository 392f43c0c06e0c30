"""What a flow run costs as a unit of its own, beside Prefect's process pool as documented."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from benchmarks.hosts.comparing import Comparison
from benchmarks.hosts.machines import booted, by_hand, by_playbook
from tests.hosts.control.server import Api, eventually
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container
from tests.hosts.machines.host import quoted

RUNS = 9
THERE = "/srv/benchmark"
FLOW = """
import time
from prefect import flow

@flow
def rest(seconds: float = 0) -> None:
    time.sleep(seconds)
"""
STOCK = "stock"
# What all processes have, shared pages counted once.
MEMORY = (
    "cat /proc/[0-9]*/smaps_rollup 2>/dev/null | awk '/^Pss:/ { s += $2 } END { print s / 1024 }'"
)


def flow_runs(site: Site) -> list[Comparison]:
    """Pick-up as everybody has it, start without the waiting, and memory."""
    site.api.create_pool(STOCK)
    stock, ours = booted(site, "stock"), booted(site, "ours")
    by_hand(site, stock, STOCK)
    by_playbook(site, ours)
    sides = [Side(site.api, site.pool, ours), Side(site.api, STOCK, stock)]
    for _ in range(RUNS):
        for side in sides:
            side.measure()
    for side in sides:
        side.weigh()
    mine, other = sides
    stock.kill()
    ours.kill()
    name = "Prefect's unit and pool"
    return [
        Comparison("scheduled to Running", name, mine.picked_up, other.picked_up, "1"),
        Comparison("taken to Running", name, mine.started, other.started, "+ 0.15 s"),
        Comparison("memory of a run", name, mine.memory, other.memory, "+ 5 MiB", "MiB"),
    ]


class Side:
    """A machine, its pool, and what was measured there."""

    def __init__(self, api: Api, pool: str, machine: Container) -> None:
        """Bring a flow that does nothing."""
        self._api, self._machine = api, machine
        machine.shell(f"mkdir -p {THERE} && printf %s {quoted(FLOW)} >{THERE}/rest.py")
        step = {"prefect.deployments.steps.set_working_directory": {"directory": THERE}}
        deployment = {
            "name": pool,
            "flow_id": api.request("POST", "/flows/", {"name": "rest"})["id"],
            "work_pool_name": pool,
            "entrypoint": "rest.py:rest",
            "path": THERE,
            "pull_steps": [step],
        }
        self._deployment = api.request("POST", "/deployments/", deployment)["id"]
        self.picked_up: list[float] = []
        self.started: list[float] = []
        self.memory: list[float] = []

    def measure(self) -> None:
        """Time one run by the states it goes through."""
        run = self._start(0)
        self._wait(run, "COMPLETED")
        states = self._api.request("GET", f"/flow_run_states/?flow_run_id={run}")
        moments = {state["name"]: datetime.fromisoformat(state["timestamp"]) for state in states}
        running = moments["Running"]
        self.picked_up.append((running - moments["Scheduled"]).total_seconds())
        self.started.append((running - moments["Pending"]).total_seconds())

    def weigh(self) -> None:
        """Take the memory of everything that is there for each of three runs."""
        before = float(self._machine.shell(MEMORY))
        runs = [self._start(30) for _ in range(3)]
        for run in runs:
            self._wait(run, "RUNNING")
        time.sleep(5)
        self.memory.append((float(self._machine.shell(MEMORY)) - before) / len(runs))

    def _start(self, seconds: float) -> str:
        path = f"/deployments/{self._deployment}/create_flow_run"
        body: dict[str, Any] = {"state": {"type": "SCHEDULED"}, "parameters": {"seconds": seconds}}
        return str(self._api.request("POST", path, body)["id"])

    def _wait(self, run: str, state: str) -> None:
        def is_there() -> bool:
            return bool(self._api.request("GET", f"/flow_runs/{run}")["state_type"] == state)

        eventually(is_there, 90, f"{run} is not {state}")
