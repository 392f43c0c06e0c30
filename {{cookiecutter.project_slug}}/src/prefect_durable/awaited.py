"""What calls wait for and are made in, by which equal calls are told apart."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import FlowRunResult, State, TaskRun, TaskRunResult
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture
from prefect.utilities.collections import visit_collection
from prefect.utilities.engine import collect_task_run_inputs_sync

from .attempts import Attempt, attempt_of, name_of


def note_awaited(awaited: Any) -> None:
    """Note what a call waits for: with `allow_failure`, it may have failed when the call begins."""
    context = FlowRunContext.get()
    if not awaited or context is None:
        return
    attempt = attempt_of(context)

    def note(given: Any) -> None:
        if isinstance(given, PrefectFuture):
            attempt.awaited[given.task_run_id] = given
        elif isinstance(given, State) and not given.is_completed():
            run_id = given.state_details.task_run_id
            attempt.failed.update([run_id] if run_id else [])

    visit_collection(awaited, note, return_data=False)


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
    # An earlier attempt in this process may have failed in a run that has the same id.
    context = FlowRunContext.get()
    failed = {run_id for run_id in runs if context and attempt_of(context).has_failed(run_id)}
    return [f"after {'failed ' * (run_id in failed)}{name_of(run_id)}" for run_id in runs]


def _task_runs(inputs: Iterable[object]) -> set[UUID]:
    return {given.id for given in inputs if isinstance(given, TaskRunResult)}
