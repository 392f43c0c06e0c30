"""Know a call again in a retry: a cache policy with which every call counts.

Prefect's default key is made of a task's inputs, its code and the id of its flow run. So of two
calls with equal arguments in one run the second is skipped, and the finished tasks of a failed
subflow run again, because the retry gives that subflow a new id.

The key of a call is made here of

- what is executed and with what: the fingerprint of the function, its name and its arguments;
- its place: the root flow run, the calls of subflows on the way from it, the task around it, the
  calls that it waits for;
- its number among the calls that are equal in all of that. Equal calls can stand in for one
  another, so it does not matter in which order concurrent ones are counted.

Where one of these is not certain there is no key, and the call runs again in every retry.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from prefect.cache_policies import CachePolicy
from prefect.client.schemas.objects import TaskRun, TaskRunResult
from prefect.context import FlowRunContext, TaskRunContext
from prefect.transactions import get_transaction
from prefect.utilities.engine import collect_task_run_inputs_sync

from .attempts import Attempt, Number, attempt_of, say_that_it_is_outside
from .call_store import Call, CallStore, is_of_others
from .fingerprint import UnhashableError, fingerprint, is_changed
from .hooks import is_in_hook


class EveryCall(CachePolicy):
    """Keep the result of a call under what it is, where it is, and its number."""

    def compute_key(
        self,
        task_ctx: TaskRunContext,
        inputs: dict[str, Any],
        flow_parameters: dict[str, Any],
        **kwargs: Any,
    ) -> str | None:
        """Return the key of a call, the same one whenever its run is retried, or none."""
        call = self._call(task_ctx, inputs)
        if call is None:
            return None
        task_ctx.result_store = CallStore.like(task_ctx.result_store, call)
        return call.key

    def _call(self, task_ctx: TaskRunContext, inputs: dict[str, Any]) -> Call | None:
        """Return what is called with what, if it can be known again."""
        task, run, flow = task_ctx.task, task_ctx.task_run, FlowRunContext.get()
        number = Number(run.id, run)
        if flow is None or flow.flow_run is None:
            say_that_it_is_outside(task.name)
            return Call(task.name, str(run.id), number)
        attempt = attempt_of(flow)
        if is_in_hook() or attempt.has_ended():
            return None
        submitted_as = getattr(task, "submitted_as", None)
        is_what = (submitted_as,) if submitted_as else (task.name, task.fn)
        made_of = ("task", *is_what, inputs)
        try:
            what = fingerprint(*made_of)
        except UnhashableError as unhashable:
            attempt.say(
                f"A retry repeats {task.name}: it is given {unhashable}, or closes over it."
            )
            return None
        enclosing = _enclosing(attempt, run)
        if flow.detached and submitted_as:
            attempt.place = submitted_as
        elif flow.detached and not enclosing:
            attempt.say(f"A retry repeats {task.name}: it runs outside of its flow's process.")
            return None
        inside = [*(attempt.keys[task] for task in enclosing), *_awaited_by(attempt, run)]
        for around in enclosing:
            number.tried |= attempt.try_of(around, attempt.tries[around])
        key = attempt.key(what, inside, number)
        attempt.tries[run.id] += 1
        return Call(task.name, key, number, attempt, partial(is_changed, what, *made_of))


EVERY_CALL = EveryCall()


def call_key(*what: object) -> str | None:
    """Return the key of a call that is no task, such as that of a deployment, if it has any.

    Each use is a call of its own.
    """
    flow, task = FlowRunContext.get(), TaskRunContext.get()
    if flow is None or flow.flow_run is None:
        return None
    attempt = attempt_of(flow)
    # Hooks of Prefect's own flows do not say that they are such.
    if is_in_hook() or attempt.has_ended():
        return None
    if flow.detached and not (task and task.task_run.id in attempt.keys):
        attempt.say(f"A retry repeats {what[1]}: it is called outside of its flow's process.")
        return None
    inside, number = [], Number(uuid4())
    if task and task.task_run.flow_run_id == flow.flow_run.id:
        run = task.task_run
        # Calls in a task that has no key itself cannot be told from those of its next attempt.
        inside = [attempt.keys.get(run.id, str(run.id))]
        number.tried = attempt.try_of(run.id, run.run_count)
        if run.id not in attempt.keys:
            attempt.say(f"A retry repeats {what[1]}: it repeats {task.task.name}, which calls it.")
    try:
        return attempt.key(fingerprint(*what), inside, number)
    except UnhashableError as unhashable:
        attempt.say(f"A retry repeats {what[1]}: it is given {unhashable}, or closes over it.")
        return None


def is_in_transaction(name: str) -> bool:
    """Tell whether a call in a flow belongs to a transaction, and say then that it is repeated."""
    flow = FlowRunContext.get()
    if flow is None or not is_of_others(get_transaction()):
        return False
    attempt_of(flow).say(f"A retry repeats {name}: it is called in a transaction.")
    return True


def current_key() -> str | None:
    """Return the key of the task that is running, if it has one."""
    context = TaskRunContext.get()
    if context is None:
        raise RuntimeError("There is no task running.")
    store = context.result_store
    # A task that has no key is given the store of the task around it.
    if isinstance(store, CallStore) and store.is_of(context.task_run):
        return store.call_key
    return None


def _enclosing(attempt: Attempt, task_run: TaskRun) -> list[UUID]:
    """Return the runs of tasks that a call is made in, if they have keys."""
    inputs = dict(task_run.task_inputs)
    parents = _task_runs(inputs.pop("__parents__", []))
    # Prefect takes a task for a parent, too, that is still making an argument of the call.
    makers = _task_runs(maker for makers in inputs.values() for maker in makers)
    return [parent for parent in parents - makers if parent in attempt.keys]


def _awaited_by(attempt: Attempt, task_run: TaskRun) -> list[str]:
    """Return the keys of the calls that a call waits for."""
    return _after(attempt, task_run.task_inputs.get("wait_for", []))


def keys_of(awaited: Any) -> list[str]:
    """Return the keys of the calls that a call of a flow waits for, which have ended."""
    flow = FlowRunContext.get()
    if flow is None or not awaited:
        return []
    return sorted(_after(attempt_of(flow), collect_task_run_inputs_sync(awaited)))


def _after(attempt: Attempt, awaited: Iterable[object]) -> list[str]:
    # Other threads add keys meanwhile, which a loop over all keys does not bear.
    known = [run_id for run_id in _task_runs(awaited) if run_id in attempt.keys]
    return [f"after {attempt.keys[run_id]}" for run_id in known]


def _task_runs(inputs: Iterable[object]) -> set[UUID]:
    return {given.id for given in inputs if isinstance(given, TaskRunResult)}
