"""Run the deployments through the worker, and collect what the server knows of the runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.states import AwaitingRetry

from ..errors import ToolError
from .graph import Graph, read_graph, states
from .place import FOLDER

TIMEOUT = 300.0
"""Seconds for all runs together."""
SERVER_CATCHES_UP = 30.0
"""Seconds until the server has surely heard of every task run."""
QUIET = 4.0
"""Seconds without news of task runs, after which there is none to come."""


@dataclass
class Attempt:
    """An attempt at a run: its number, its end, how long it took, and then its tasks."""

    number: int
    state: str
    seconds: float
    graph: Graph = field(default_factory=dict)

    @property
    def skipped(self) -> int:
        """Return how many tasks had a result already."""
        return states(self.graph)["Cached"]

    @property
    def ran(self) -> int:
        """Return how many tasks ran."""
        return states(self.graph).total() - self.skipped


@dataclass
class Run:
    """The run of a deployment; one that fails is retried once, as the button in the UI does it."""

    name: str
    id: UUID
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def completed(self) -> bool:
        """Say whether it completed in the end."""
        return self.attempts[-1].state == "COMPLETED"


class Runs:
    """A run of each deployment that needs no parameter."""

    def __init__(self, client: SyncPrefectClient, names: list[str]) -> None:
        """Ask for all runs at once, in the order of the names."""
        self._client = client
        found = sorted(client.read_deployments(), key=lambda each: names.index(each.name))
        self.runs = [
            Run(each.name, client.create_flow_run_from_deployment(each.id).id)
            for each in found
            if not _missing(each)
        ]

    def ended(self, check: Callable[[], None]) -> Iterator[Run]:
        """Return a run whenever an attempt at it has ended, until all have."""
        running = list(self.runs)
        deadline = time.monotonic() + TIMEOUT
        while running:
            check()
            if time.monotonic() > deadline:
                names = ", ".join(run.name for run in running)
                raise ToolError(
                    f"Not done after {TIMEOUT:.0f} s: {names}. This computer may be too slow,"
                    f" or busy: try again; server.log and worker.log in {FOLDER} say more."
                )
            for run in list(running):
                found = self._client.read_flow_run(run.id)
                if found.state and found.state.is_final():
                    if not self._retried(run, found):
                        running.remove(run)
                    yield run
            time.sleep(0.3)

    def read_tasks(self) -> None:
        """Wait for the server, which hears of tasks in events, some after the end of their flow."""
        deadline = time.monotonic() + SERVER_CATCHES_UP
        known, quiet_since = None, time.monotonic()
        while time.monotonic() < min(deadline, quiet_since + QUIET):
            for run in self.runs:
                for attempt in run.attempts:
                    attempt.graph = read_graph(self._client, str(run.id), attempt.number)
            news = [[states(attempt.graph) for attempt in run.attempts] for run in self.runs]
            unended = any(s["Running"] + s["Pending"] for each in news for s in each)
            if news != known or unended:
                known, quiet_since = news, time.monotonic()
            time.sleep(0.5)

    def _retried(self, run: Run, found: FlowRun) -> bool:
        """Note an attempt that has ended, and retry the first one if it failed."""
        state = found.state_type or StateType.FAILED
        seconds = found.total_run_time.total_seconds() - sum(a.seconds for a in run.attempts)
        run.attempts.append(Attempt(found.run_count, state.value, seconds))
        retries = state is StateType.FAILED and len(run.attempts) == 1
        if retries:
            self._client.set_flow_run_state(run.id, AwaitingRetry())
        return retries


def _missing(deployment: DeploymentResponse) -> set[str]:
    """Return the parameters without which the flow cannot run."""
    schema = deployment.parameter_openapi_schema or {}
    return set(schema.get("required", ())) - set(deployment.parameters)
