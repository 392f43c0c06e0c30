"""What calls wait for and are made in, by which equal calls are told apart."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import FlowRunResult, TaskRun, TaskRunResult
from prefect.utilities.engine import collect_task_run_inputs_sync

from .attempts import Attempt, name_of


def enclosing(attempt: Attempt, task_run: TaskRun) -> list[UUID]:
    """Return the runs of tasks that a call is made in, if they have keys."""
    inputs = dict(task_run.task_inputs)
    parents = _task_runs(inputs.pop("__parents__", []))
    # Prefect takes a task for a parent, too, that is still making an argument of the call.
    makers = _task_runs(maker for makers in inputs.values() for maker in makers)
    return [parent for parent in parents - makers if parent in attempt.keys]


def awaited_by(task_run: TaskRun) -> list[str]:
    """Return what the calls are that a call waits for.

    Raises:
        AwaitedError: one of them can't be told apart.
    """
    return _after(task_run.task_inputs.get("wait_for", []))


def awaited_by_flow(awaited: Any) -> list[str]:
    """Return what the calls are that a call of a flow waits for, which have ended.

    Raises:
        AwaitedError: one of them can't be told apart.
    """
    return sorted(_after(collect_task_run_inputs_sync(awaited))) if awaited else []


def _after(awaited: Iterable[object]) -> list[str]:
    runs = {given.id for given in awaited if isinstance(given, TaskRunResult | FlowRunResult)}
    return [f"after {name_of(run_id)}" for run_id in runs]


def _task_runs(inputs: Iterable[object]) -> set[UUID]:
    return {given.id for given in inputs if isinstance(given, TaskRunResult)}
