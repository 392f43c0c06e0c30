"""What a flow does with its futures at the end: wait for them all and let no failure go by.

A future that nobody looks at leaves its flow green, whatever became of the task. And a task that
never ran, because one before it had failed, stays pending at the server for good and hides the
cause.
"""

import time
from collections.abc import Iterable
from typing import Any, TypeAlias
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectNotFound
from prefect.futures import PrefectFuture
from prefect.states import Cancelled

Run: TypeAlias = "PrefectFuture[Any] | State[Any]"

SERVER_CATCHES_UP = 30.0
"""Seconds until the server has surely heard of a task run; it hears of them in events."""


def settle(runs: Iterable["Run | FlowRun"]) -> list[Run]:
    """Wait for futures (and states of subflows) and return them, or raise the first failure.

    Of the run of a deployment it returns the state. Tasks that never ran are closed at the server
    as `NotRun`, with the cause.

    Raises:
        TimeoutError: the run of a deployment has not ended.
        RuntimeError: a task did not run although nothing in the list failed; what failed is missing
            from it.
    """
    settled = [_state_of_child(run) if isinstance(run, FlowRun) else run for run in runs]
    states = [_final_state(run) for run in settled]
    failed = next((s for s in states if s.is_final() and not s.is_completed()), None)
    not_run = [s for s in states if not s.is_final()]
    cause = failed.message if failed else "a task that was not given to settle() failed"
    if not_run:
        _close(not_run, because=f"Not run: {cause}")
    if failed:
        # In an asynchronous flow Prefect would return what is to be awaited, and raise nothing.
        fail: Any = failed.result
        fail(_sync=True)
    if not_run:
        raise RuntimeError(f"{len(not_run)} of {len(settled)} tasks did not run: {cause}.")
    return settled


def _state_of_child(run: FlowRun) -> State[Any]:
    """Return the state that the run of a deployment ended in."""
    if run.state is None or not run.state.is_final():
        raise TimeoutError(f"{run.name}, the run of a deployment, has not ended.")
    return run.state


def _final_state(run: Run) -> State[Any]:
    """Return the state that a run ends in, when it has ended."""
    if isinstance(run, State):
        return run
    run.wait()
    return run.state


def _close(states: list[State[Any]], because: str) -> None:
    """Tell the server that task runs will not happen."""
    with get_client(sync_client=True) as client:
        for state in states:
            task_run_id = state.state_details.task_run_id
            assert task_run_id is not None
            _wait_until_known(client, task_run_id)
            closed: State[Any] = Cancelled(name="NotRun", message=because)
            client.set_task_run_state(task_run_id, closed, force=True)


def _wait_until_known(client: SyncPrefectClient, task_run_id: UUID) -> None:
    """Wait until the server has a task run."""
    deadline = time.monotonic() + SERVER_CATCHES_UP
    while time.monotonic() < deadline:
        try:
            client.read_task_run(task_run_id)
        except ObjectNotFound:
            time.sleep(0.1)
        else:
            return
