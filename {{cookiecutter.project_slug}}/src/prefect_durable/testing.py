"""A Prefect for tests; what its server recorded of a run, and a retry of it."""

import asyncio
import inspect
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import Flow, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State, TaskRun
from prefect.flow_engine import run_flow
from prefect.settings import (
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOCAL_STORAGE_PATH,
    PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK,
    PREFECT_RESULTS_PERSIST_BY_DEFAULT,
    temporary_settings,
)
from prefect.states import AwaitingRetry
from prefect.testing.utilities import prefect_test_harness

RECORDED_WITHIN = 60.0
"""Seconds within which the server has recorded what happened."""


@contextmanager
def server() -> Iterator[None]:
    """Run a Prefect server with a database of its own.

    Without heartbeats, as every flow run waits up to a second for its last one.
    """
    no_heartbeats = temporary_settings(updates={PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
    with prefect_test_harness(server_startup_timeout=180), no_heartbeats:
        yield


@contextmanager
def results_in(folder: Path) -> Iterator[None]:
    """Persist results in a folder, and not in the project's storage."""
    with temporary_settings(
        updates={PREFECT_LOCAL_STORAGE_PATH: folder, PREFECT_RESULTS_PERSIST_BY_DEFAULT: True},
        restore_defaults={PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK},
    ):
        yield


def recorded(state: State[Any], expected: dict[str, int]) -> None:
    """Hold the server's record of a flow run's tasks against `"<task> <state>": how often`."""
    deadline = time.monotonic() + RECORDED_WITHIN
    found = Counter[str]()
    while found != expected and time.monotonic() < deadline:
        time.sleep(0.1)
        found = Counter(_in_words(run) for run in task_runs(flow_run_id(state)))
    assert found == expected


def create_flow_run(flow: Flow[..., Any], **parameters: Any) -> UUID:
    """Tell the server of a flow run that is to happen."""
    with get_client(sync_client=True) as client:
        return client.create_flow_run(flow, parameters=parameters).id


def run(flow: Flow[..., Any], flow_run_id: UUID) -> State[Any]:
    """Run a flow run here, as a worker does, and return the state it ends in."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run_id, AwaitingRetry(), force=True)
        flow_run = client.read_flow_run(flow_run_id)
    state = run_flow(flow, flow_run, flow_run.parameters, return_type="state")
    if inspect.iscoroutine(state):
        state = asyncio.run(state)
    assert isinstance(state, State)
    return state


def retry(flow: Flow[..., Any], state: State[Any]) -> State[Any]:
    """Retry a flow run, as the button in the UI does, and return the state it ends in."""
    return run(flow, flow_run_id(state))


def flow_run_id(state: State[Any]) -> UUID:
    """Return the flow run that a state belongs to."""
    assert state.state_details.flow_run_id
    return state.state_details.flow_run_id


def task_runs(flow_run_id: UUID) -> list[TaskRun]:
    """Return the task runs of a flow run."""
    only_this = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        return client.read_task_runs(flow_run_filter=only_this)


def _in_words(run: TaskRun) -> str:
    """Return the task and the state of a task run."""
    return f"{run.name.rsplit('-', 1)[0]} {run.state_name}"
