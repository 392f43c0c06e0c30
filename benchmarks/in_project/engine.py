"""Flow runs, all of them executed and timed in the same way."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import prefect
from prefect import Flow, get_client
from prefect.client.schemas.objects import State
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import AwaitingRetry

from benchmarks.processor import busy

logging.disable(logging.CRITICAL)
SERVER = int(os.environ["BENCHMARK_SERVER"])
# Of one processor, by a server that has nothing left to write, for so many seconds. After half a
# second the first runs of a server that has just started were still seen to take a tenth longer.
IDLE, QUIET = 0.1, 2.0
PATIENCE = 120.0


def of_project(module: str) -> Any:
    """A module of the project, whose package is the first argument of the program."""
    return importlib.import_module(f"{sys.argv[1]}.{module}")


def created(flow: Flow[..., Any], **parameters: Any) -> str:
    """The id of a flow run that is to happen."""
    with get_client(sync_client=True) as client:
        return str(client.create_flow_run(flow, parameters=parameters).id)


def executed(flow: Flow[..., Any], run_id: str) -> tuple[State[Any], float]:
    """The state that a run ends in, and its seconds from the engine's start to that state.

    A run that has ended is run again. There are no heartbeats, as the engine waits up to a second
    for the last one, after the state that counts.
    """
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(run_id), AwaitingRetry(), force=True)
        run = client.read_flow_run(UUID(run_id))
    with temporary_settings(updates={PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        began = datetime.now(UTC)
        state = run_flow(flow, run, run.parameters, return_type="state")
    assert isinstance(state, State)
    assert state.timestamp
    return state, (state.timestamp - began).total_seconds()


def completed(flow: Flow[..., Any], run_id: str) -> float:
    """The seconds that a run takes which has to succeed."""
    state, seconds = executed(flow, run_id)
    if not state.is_completed():
        raise RuntimeError(f"The run {run_id} ended {state.name}: {state.message}")
    return seconds


@prefect.flow
def nothing() -> None:
    """Do nothing."""


def warm_up() -> None:
    """Load what the engine loads at a process's first run, so that it is counted nowhere.

    Then wait for a server that still starts, or still writes what it was told.
    """
    with get_client(sync_client=True) as client:
        _wait_until(lambda: client.api_healthcheck() is None, "Prefect's server does not answer.")
    completed(nothing, created(nothing))
    _wait_until(lambda: busy(SERVER, QUIET) < IDLE, "Prefect's server is still busy.")


# A project has tests of its own, which hide the helpers of ours.
def _wait_until(true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.1)
