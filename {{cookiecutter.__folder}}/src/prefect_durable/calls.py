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

import weakref
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any
from uuid import UUID, uuid4

from prefect import Task
from prefect.cache_policies import CachePolicy
from prefect.client.schemas.objects import TaskRun, TaskRunResult
from prefect.context import FlowRunContext, TaskRunContext
from prefect.logging import get_run_logger

from .fingerprint import UnhashableError, fingerprint
from .storage import CallStore


@dataclass
class Attempt:
    """What is known of one attempt of a flow run in this process."""

    place: str
    begun: bool = False
    keys: dict[UUID, str] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)
    numbers: defaultdict[tuple[str, ...], dict[UUID, int]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def key(self, call: str, inside: Iterable[str], run_id: UUID) -> str:
        """Return the key of a call; the same one for each attempt of that call."""
        equal_calls = (call, self.place, *sorted(inside))
        with self.lock:
            numbers = self.numbers[equal_calls]
            number = numbers.setdefault(run_id, len(numbers))
            self.keys[run_id] = fingerprint(*equal_calls, number)
            return self.keys[run_id]

    def say(self, sentence: str) -> None:
        """Log a warning, once."""
        if sentence not in self.said:
            self.said.add(sentence)
            get_run_logger().warning(sentence)


_attempts: dict[int, Attempt] = {}


def attempt_of(flow: FlowRunContext) -> Attempt:
    """Return what is known of the attempt that a context belongs to."""
    if id(flow) not in _attempts:
        weakref.finalize(flow, _attempts.pop, id(flow), None)
        _attempts.setdefault(
            id(flow), Attempt(place=str(flow.flow_run.id if flow.flow_run else ""))
        )
    return _attempts[id(flow)]


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
        key, call = self._key(task_ctx, inputs)
        if key is not None:
            is_changed = partial(_is_changed, task_ctx.task, inputs, call)
            task_ctx.result_store = CallStore.like(task_ctx.result_store, key, is_changed)
        return key

    def _key(self, task_ctx: TaskRunContext, inputs: dict[str, Any]) -> tuple[str | None, str]:
        """Return the key of a call, and the fingerprint of what is called with what."""
        task, run, flow = task_ctx.task, task_ctx.task_run, FlowRunContext.get()
        if flow is None or flow.flow_run is None:
            _say_that_it_is_outside(task.name)
            return str(run.id), ""
        attempt = attempt_of(flow)
        try:
            call = _fingerprint_of(task, inputs)
        except UnhashableError as unhashable:
            attempt.say(
                f"A retry repeats {task.name}: it is given {unhashable}, or closes over it."
            )
            return None, ""
        if flow.detached:
            attempt.say(f"A retry repeats {task.name}: it runs outside of its flow's process.")
            return None, ""
        return attempt.key(call, _calls_around(attempt, run), run.id), call


EVERY_CALL = EveryCall()


def call_key(*what: object) -> str | None:
    """Return the key of a call that is no task, such as that of a deployment, if it has any.

    Each use is a call of its own.
    """
    flow, task = FlowRunContext.get(), TaskRunContext.get()
    if flow is None or flow.flow_run is None or flow.detached:
        return None
    attempt = attempt_of(flow)
    inside = []
    if task and task.task_run.flow_run_id == flow.flow_run.id:
        # Calls in a task that has no key itself cannot be told from those of its next attempt.
        inside = [attempt.keys.get(task.task_run.id, str(task.task_run.id))]
    try:
        return attempt.key(fingerprint(*what), inside, uuid4())
    except UnhashableError as unhashable:
        attempt.say(f"A retry repeats {what[1]}: it is given {unhashable}, or closes over it.")
        return None


def current_key() -> str | None:
    """Return the key of the task that is running, if it has one."""
    context = TaskRunContext.get()
    if context is None:
        raise RuntimeError("There is no task running.")
    store = context.result_store
    return store.call_key if isinstance(store, CallStore) else None


def _fingerprint_of(task: Task[..., Any], inputs: dict[str, Any]) -> str:
    return fingerprint("task", task.name, task.fn, inputs)


def _is_changed(task: Task[..., Any], inputs: dict[str, Any], call: str) -> bool:
    """Tell whether a call has changed what it is given, which its result alone does not hold."""
    flow = FlowRunContext.get()
    if flow is None or not call:
        return False
    try:
        changed = _fingerprint_of(task, inputs) != call
    except Exception:  # it cannot be told apart any longer, or changes at this moment
        changed = True
    if changed:
        attempt_of(flow).say(
            f"A retry repeats {task.name}: it changes what it is given, or closes over."
        )
    return changed


def _calls_around(attempt: Attempt, task_run: TaskRun) -> list[str]:
    """Return the keys of the calls that a call is made in, and of those that it waits for."""
    inputs = dict(task_run.task_inputs)
    parents = _task_runs(inputs.pop("__parents__", []))
    # Prefect takes a task for a parent, too, that is still making an argument of the call.
    makers = _task_runs(maker for makers in inputs.values() for maker in makers)
    enclosing = [attempt.keys[parent] for parent in parents - makers if parent in attempt.keys]
    awaited = _task_runs(inputs.get("wait_for", [])) & attempt.keys.keys()
    return [*enclosing, *(f"after {attempt.keys[run_id]}" for run_id in awaited)]


def _task_runs(inputs: Iterable[object]) -> set[UUID]:
    return {given.id for given in inputs if isinstance(given, TaskRunResult)}


def _say_that_it_is_outside(name: str) -> None:
    """Say that a call in a thread of one's own is not found again, if it may be one."""
    for attempt in list(_attempts.values()):
        attempt.say(f"A retry repeats {name}: a thread called it without the flow's context.")
