"""Run the patterns through the worker, and collect what the server knows of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
{% if cookiecutter.work_pool_type == "docker" %}from prefect.client.schemas.actions import DeploymentUpdate
{% endif %}from prefect.client.schemas.objects import FlowRun
from prefect.states import AwaitingRetry

from ..run_graph.graph import Graph, edges, read_graph, task_states
from ..run_graph.svg import draw
{%- if cookiecutter.work_pool_type == "docker" %}
from . import containers
{%- endif %}
from .patterns import Pattern
from .place import FOLDER
from .services import Stopped

TIMEOUT = 300.0
"""Seconds for all runs together."""
SERVER_CATCHES_UP = 30.0
"""Seconds until the server has surely heard of every task run of a flow that is done."""

PICTURES = FOLDER / "graphs"
{%- if cookiecutter.work_pool_type != "docker" %}
OUTBOX = FOLDER / "outbox"
{%- else %}
OUTBOX = f"{containers.DATA}/outbox"
{%- endif %}


@dataclass(frozen=True)
class Row:
    """What became of a pattern, or of its retry."""

    flow: str
    state: str
    ran: int
    skipped: int
    edges: int
    seconds: float
    expected: bool


class Runs:
    """One run of each pattern, and the retry of the one that fails."""

    def __init__(self, client: SyncPrefectClient, patterns: tuple[Pattern, ...]) -> None:
        """Ask for a run of every pattern at once."""
        self._client = client
{%- if cookiecutter.work_pool_type == "docker" %}
        self._claim_containers()
{%- endif %}
        self._running = {self._start(pattern): pattern for pattern in patterns}
        self._earlier: dict[UUID, float] = {}
        PICTURES.mkdir()

    def rows(self, check: Callable[[], None]) -> Iterator[Row]:
        """Return a row whenever a run has ended."""
        deadline = time.monotonic() + TIMEOUT
        while self._running:
            check()
            if time.monotonic() > deadline:
                flows = ", ".join(pattern.flow for pattern in self._running.values())
                raise Stopped(f"Not done after {TIMEOUT:.0f} s: {flows}. The logs are in {FOLDER}.")
            for run_id in list(self._running):
                run = self._client.read_flow_run(run_id)
                if run.state and run.state.is_final():
                    yield self._ended(run)
            time.sleep(0.3)

{% if cookiecutter.work_pool_type == "docker" %}    def _claim_containers(self) -> None:
        """Make all containers the demo's, also those of runs that a flow starts."""
        for deployment in self._client.read_deployments():
            variables = {**(deployment.job_variables or {}), **containers.JOB_VARIABLES}
            self._client.update_deployment(deployment.id, DeploymentUpdate(job_variables=variables))

{% endif %}    def _start(self, pattern: Pattern) -> UUID:
        deployment = self._client.read_deployment_by_name(pattern.deployment)
        run = self._client.create_flow_run_from_deployment(
            deployment.id,
            parameters={"outbox": str(OUTBOX)} if pattern.skips else {},
        )
        return run.id

    def _ended(self, run: FlowRun) -> Row:
        """Draw a run that has ended, and retry it if it was meant to fail."""
        pattern = self._running[run.id]
        retried = run.id in self._earlier
        fails = bool(pattern.skips) and not retried
        graph = self._complete_graph(run.id, pattern)
        (PICTURES / f"{pattern.flow}.svg").write_text(draw(graph), encoding="utf-8")
        row = self._row(run, graph, pattern, fails)
        if fails:
            self._earlier[run.id] = row.seconds
            self._retry(run.id)
        else:
            del self._running[run.id]
        return row

    def _row(self, run: FlowRun, graph: Graph, pattern: Pattern, fails: bool) -> Row:
        states = task_states(graph)
        skipped = states["Cached"]
        ran = states.total() - skipped
        state = run.state_type.value if run.state_type else ""
        skips = 0 if fails else pattern.skips
        return Row(
            flow="  retried" if run.id in self._earlier else pattern.flow,
            state=state,
            ran=ran,
            skipped=skipped,
            edges=len(edges(graph)),
            seconds=run.total_run_time.total_seconds() - self._earlier.get(run.id, 0.0),
            expected=(state, ran, skipped, len(edges(graph)))
            == ("FAILED" if fails else "COMPLETED", pattern.tasks - skips, skips, pattern.edges),
        )

    def _complete_graph(self, run_id: UUID, pattern: Pattern) -> Graph:
        """Wait for the server, which hears of tasks in events, some after the end of their flow."""
        deadline = time.monotonic() + SERVER_CATCHES_UP
        while True:
            graph = read_graph(self._client, str(run_id))
            states = task_states(graph)
            open_ended = states["Running"] + states["Pending"]
            if states.total() >= pattern.tasks and not open_ended:
                return graph
            if time.monotonic() > deadline:
                return graph
            time.sleep(0.3)

    def _retry(self, run_id: UUID) -> None:
        """Repair what made the run fail, and do what the Retry button of Prefect's UI does."""
{%- if cookiecutter.work_pool_type != "docker" %}
        OUTBOX.mkdir()
{%- else %}
        containers.make_folder(OUTBOX)
{%- endif %}
        self._client.set_flow_run_state(run_id, AwaitingRetry())
