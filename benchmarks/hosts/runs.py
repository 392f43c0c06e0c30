"""What a flow run costs as a unit of its own, beside Prefect's process pool as documented."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from benchmarks.hosts.machines import STOCK, Machines
from benchmarks.pace import Pace
from benchmarks.polling import query_seconds
from benchmarks.rows import Line, Row, compared
from tests.hosts.control.server import Api, eventually
from tests.hosts.machines.container import Container
from tests.hosts.machines.host import quoted

TURNS, WEIGHED = 5, 5
STOCK_QUERY_SECONDS = 10.0
THERE = "/srv/benchmark"
FLOW = """
import time
from prefect import flow

@flow
def rest(seconds: float = 0) -> None:
    time.sleep(seconds)
"""
# Until the last run of those that are weighed has started.
REST = 20
# KiB of each process, its part of what it shares, and the runs named in its environment or words.
MEMORY = """
for process in /proc/[0-9]*; do
    words=$(cat $process/environ $process/cmdline | tr '\\0' '\\n')
    runs=$(echo "$words" | grep -oE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
    awk -v runs="$(echo $runs)" '/^Pss:/ { print $2, runs }' $process/smaps_rollup
done 2>/dev/null
true
"""
# The engine as nobody starts it: its settings, its user, and nothing around it.
BARE = (
    f"set -a; . /etc/{STOCK}.env; cd /opt/{STOCK}; HOME=$PREFECT_HOME; PREFECT__FLOW_RUN_ID=%s;"
    " date +%%s.%%N; setpriv --reuid prefect --clear-groups .venv/bin/python -m prefect.engine"
    " >/dev/null 2>&1; times"
)
OTHER = "Prefect's documented unit and pool, default settings"
ENGINE = "importing and starting the engine, bare"
PICKED_UP = Row("flow run, scheduled to Running", OTHER, 0.35)
BARE_START = Row("flow run, scheduled to Running", ENGINE, 1.5)
TAKEN = Row("flow run, taken to Running", OTHER)
TAKEN_BARE = Row("flow run, taken to Running", ENGINE)
WEIGHT = Row("memory that a flow run adds", OTHER)
ROWS = (PICKED_UP, BARE_START, TAKEN, TAKEN_BARE, WEIGHT)


def measure(machines: Machines, pace: Pace) -> Iterator[Line]:
    """Pick-up as everybody has it, start without the waiting, and memory."""
    api, (ours, stock) = machines.site.api, machines.pair
    mine = Side(api, machines.site.pool, ours, query_seconds())
    other = Side(api, STOCK, stock, STOCK_QUERY_SECONDS)
    bare, cpu = list[float](), list[float]()
    for turn in pace.turns(TURNS, PICKED_UP.what):
        # Evenly between two questions of the worker, so that the mean wait is half a pause.
        for side in (mine, other):
            side.measure(phase=(turn + 0.5) / TURNS)
        started, used = other.bare()
        bare.append(started)
        cpu.append(used)
    for side in (mine, other):
        side.weigh()
    yield compared(PICKED_UP, mine.picked_up, other.picked_up, "s")
    used_by_one = f"which takes {sorted(cpu)[len(cpu) // 2]:.1f} s of a processor in all"
    yield compared(BARE_START, mine.picked_up, bare, "s", used_by_one)
    yield compared(TAKEN, mine.started, other.started, "s")
    yield compared(TAKEN_BARE, mine.started, bare, "s")
    at_once = f"{WEIGHED} runs at a time, all processes of each"
    yield compared(WEIGHT, mine.memory, other.memory, "MiB", at_once)


class Side:
    """A machine, its pool, and what was measured there."""

    def __init__(self, api: Api, pool: str, machine: Container, query_seconds: float) -> None:
        """Bring a flow that does nothing."""
        self._api, self._pool, self._machine = api, pool, machine
        self._query_seconds = query_seconds
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

    def measure(self, phase: float) -> None:
        """Time one run by its states; it begins at this part of the worker's pause."""
        self._wait_for_phase(phase)
        run = self._start("SCHEDULED")
        self._wait(run, "COMPLETED")
        moments = self._moments(run)
        running = moments["Running"]
        self.picked_up.append((running - moments["Scheduled"]).total_seconds())
        self.started.append((running - moments["Pending"]).total_seconds())

    def bare(self) -> tuple[float, float]:
        """Seconds from the engine's start to Running, and of a processor that it takes in all."""
        # No worker takes a run that is PENDING.
        run = self._start("PENDING")
        said = self._machine.shell(BARE % run)
        began, running = float(said.split()[0]), self._moments(run)["Running"]
        minutes = re.findall(r"(\d+)m([\d.]+)s", said.splitlines()[-1])
        used = sum(60 * int(minute) + float(second) for minute, second in minutes)
        return running.timestamp() - began, used

    def weigh(self) -> None:
        """Take the memory of all processes that are there for each of some runs at a time."""
        runs = [self._start("SCHEDULED", seconds=REST) for _ in range(WEIGHED)]
        for run in runs:
            self._wait(run, "RUNNING")
        time.sleep(2)
        processes = [line.split() for line in self._machine.shell(MEMORY).splitlines()]
        for run in runs:
            used = sum(int(kib) for kib, *known in processes if run in known)
            self.memory.append(used / 1024)

    def _wait_for_phase(self, phase: float) -> None:
        pause = phase * self._query_seconds

        def still_to_wait() -> float | None:
            left = self._last_question() + pause - time.time()
            return left if left > 0 else None

        time.sleep(eventually(still_to_wait, 90, f"no worker of {self._pool} asks for runs"))

    def _last_question(self) -> float:
        """When the worker last asked for runs, as the server's clock and ours are one."""
        queues = self._api.request("POST", f"/work_pools/{self._pool}/queues/filter", {})
        return max(_moment(queue["last_polled"]).timestamp() for queue in queues)

    def _start(self, state: str, seconds: float = 0) -> str:
        path = f"/deployments/{self._deployment}/create_flow_run"
        body: dict[str, Any] = {"state": {"type": state}, "parameters": {"seconds": seconds}}
        return str(self._api.request("POST", path, body)["id"])

    def _moments(self, run: str) -> dict[str, datetime]:
        states = self._api.request("GET", f"/flow_run_states/?flow_run_id={run}")
        return {state["name"]: _moment(state["timestamp"]) for state in states}

    def _wait(self, run: str, state: str) -> None:
        def is_there() -> bool:
            return bool(self._api.request("GET", f"/flow_runs/{run}")["state_type"] == state)

        eventually(is_there, 90, f"{run} is not {state}")


def _moment(words: str) -> datetime:
    return datetime.fromisoformat(words.replace("Z", "+00:00"))
