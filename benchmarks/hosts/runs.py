"""What a flow run costs as a unit of its own, beside Prefect's process pool as documented."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.hosts.machines import STOCK, Machines
from benchmarks.pace import Pace
from benchmarks.polling import query_seconds
from benchmarks.rows import Line, Row, compared
from tests.hosts.control.server import eventually, moment
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
# Seconds, until the last run of those that are weighed has started, and a little more.
REST, SETTLED = 40, 2
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
    ours, stock = machines.pair
    mine = Side(machines, machines.site.pool, ours, query_seconds())
    other = Side(machines, STOCK, stock, STOCK_QUERY_SECONDS)
    bare, cpu = list[float](), list[float]()
    for _ in pace.turns(TURNS, PICKED_UP.what):
        for side in (mine, other):
            side.measure()
        started, used = other.bare()
        bare.append(started)
        cpu.append(used)
    for side in (mine, other):
        side.load()
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

    def __init__(
        self, machines: Machines, pool: str, machine: Container, query_seconds: float
    ) -> None:
        """Bring a flow that does nothing."""
        self._machines, self._pool, self._machine = machines, pool, machine
        self._api = api = machines.site.api
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
        # Evenly between two questions of the worker, so that the mean wait is half a pause.
        self._phases = [(turn + 0.5) / TURNS for turn in range(TURNS)]
        self._loaded: list[str] = []
        self.picked_up: list[float] = []
        self.started: list[float] = []
        self.memory: list[float] = []

    def measure(self) -> None:
        """Time one run by its states; each begins at another part of the worker's pause."""
        self._wait_for_phase()
        run = self._start("SCHEDULED")
        self._wait(run, "COMPLETED")
        moments = self._machines.moments(run)
        running = moments["Running"]
        self.picked_up.append((running - moments["Scheduled"]).total_seconds())
        self.started.append((running - moments["Pending"]).total_seconds())

    def bare(self) -> tuple[float, float]:
        """Seconds from the engine's start to Running, and of a processor that it takes in all."""
        # No worker takes a run that is PENDING.
        run = self._start("PENDING")
        said = self._machine.shell(BARE % run)
        began, running = float(said.split()[0]), self._machines.moments(run)["Running"]
        minutes = re.findall(r"(\d+)m([\d.]+)s", said.splitlines()[-1])
        used = sum(60 * int(minute) + float(second) for minute, second in minutes)
        return running.timestamp() - began, used

    def load(self) -> None:
        """Start some runs that are there at the same time."""
        self._loaded = [self._start("SCHEDULED", seconds=REST) for _ in range(WEIGHED)]

    def weigh(self) -> None:
        """Take the memory of all processes that are there for each of them."""
        for run in self._loaded:
            self._wait(run, "RUNNING")
        time.sleep(SETTLED)
        processes = [line.split() for line in self._machine.shell(MEMORY).splitlines()]
        for run in self._loaded:
            used = sum(int(kib) for kib, *known in processes if run in known)
            self.memory.append(used / 1024)

    def _wait_for_phase(self) -> None:
        """Wait for the next part of the pause in which no run has begun yet."""

        def ahead() -> tuple[float, float] | None:
            since = time.time() - self._last_question()
            waits = {phase: phase * self._query_seconds - since for phase in self._phases}
            return min(((wait, phase) for phase, wait in waits.items() if wait > 0), default=None)

        wait, phase = eventually(ahead, 90, f"no worker of {self._pool} asks for runs")
        self._phases.remove(phase)
        time.sleep(wait)

    def _last_question(self) -> float:
        """When the worker last asked for runs, as the server's clock and ours are one."""
        queues = self._api.request("POST", f"/work_pools/{self._pool}/queues/filter", {})
        return max(moment(queue["last_polled"]).timestamp() for queue in queues)

    def _start(self, state: str, seconds: float = 0) -> str:
        path = f"/deployments/{self._deployment}/create_flow_run"
        body: dict[str, Any] = {"state": {"type": state}, "parameters": {"seconds": seconds}}
        return str(self._api.request("POST", path, body)["id"])

    def _wait(self, run: str, state: str) -> None:
        def is_there() -> bool:
            return bool(self._api.request("GET", f"/flow_runs/{run}")["state_type"] == state)

        eventually(is_there, 90, f"{run} is not {state}")
