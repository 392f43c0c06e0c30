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

from functools import partial
from typing import Any
from uuid import uuid4

from prefect.cache_policies import CachePolicy
from prefect.context import FlowRunContext, TaskRunContext
from prefect.transactions import get_transaction

from .attempts import AwaitedError, Number, attempt_of, say_that_it_is_outside
from .awaited import awaited_by, enclosing
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
            # What is submitted to another process is named by what it waits for.
            awaited = [] if submitted_as else awaited_by(run)
        except UnhashableError as unhashable:
            attempt.keyless[run.id] = unhashable
            attempt.say(repeated(task.name, unhashable))
            return None
        around = enclosing(attempt, run)
        if flow.detached and submitted_as:
            attempt.place = submitted_as
        elif flow.detached and not around:
            attempt.say(f"A retry repeats {task.name}: it runs outside of its flow's process.")
            return None
        inside = [*(attempt.keys[each] for each in around), *awaited]
        for each in around:
            number.tried |= attempt.try_of(each, attempt.tries[each])
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
        attempt.say(repeated(str(what[1]), unhashable))
        return None


def repeated(name: str, unhashable: UnhashableError) -> str:
    """Return what to say of a call that can't be told apart."""
    if isinstance(unhashable, AwaitedError):
        return f"A retry repeats {name}: it waits for a call that {unhashable}."
    return f"A retry repeats {name}: it is given {unhashable}, or closes over it."


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
