"""A cache policy with which every call counts, and a retried run repeats none that succeeded.

Prefect's default key is made of a task's inputs, its source and the id of its flow run. So of two
calls with equal arguments in one run the second is skipped, and the finished tasks of a failed
subflow run again, because the retry gives that subflow a new id.

The key of `EVERY_CALL` is made of

- the task's source and its inputs, so changed code and changed arguments run again;
- the place of the call: the root flow run, the subflows on the way from it, and the task around the
  call if there is one. A retry changes none of them;
- the number of the call among those that are equal in all of that. Equal calls can stand in for one
  another, so it does not matter in which order concurrent ones are counted.

Calls can be counted in the process of the flow only. On a task runner that spreads tasks over other
processes (Dask, Ray, `ProcessPoolTaskRunner`) every call still counts, and a retry repeats them
all.
"""

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from threading import Lock
from typing import Any
from uuid import UUID

from prefect import get_client
from prefect.cache_policies import INPUTS, CachePolicy
from prefect.client.schemas.objects import TaskRun, TaskRunResult
from prefect.context import FlowRunContext, TaskRunContext
from prefect.utilities.hashing import hash_objects

_counting = Lock()
_numbers: defaultdict[tuple[object, ...], dict[UUID, int]] = defaultdict(dict)
_keys: dict[UUID, str] = {}


class EveryCall(CachePolicy):
    """Keep the result of a call under its source, inputs, place and number."""

    def compute_key(
        self,
        task_ctx: TaskRunContext,
        inputs: dict[str, Any],
        flow_parameters: dict[str, Any],
        **kwargs: Any,
    ) -> str:
        """Return the key of a call; the same one whenever its run is retried."""
        task_run, flow = task_ctx.task_run, FlowRunContext.get()
        if flow is None or flow.detached or flow.flow_run is None:
            return _keys.setdefault(task_run.id, str(task_run.id))
        arguments = INPUTS.compute_key(task_ctx, inputs, flow_parameters)
        call = f"{source_of(task_ctx.task.fn)}\0{arguments}"
        place = (_path(flow.flow_run.id), *_enclosing_calls(task_run))
        equal_calls = (flow.flow_run.id, flow.flow_run.run_count, call, *place)
        with _counting:
            numbers = _numbers[equal_calls]
            number = numbers.setdefault(task_run.id, len(numbers))
            key = hash_objects(call, place, number, raise_on_failure=True)
            assert key is not None
            _keys[task_run.id] = key
        return key


EVERY_CALL = EveryCall()


def current_key() -> str:
    """Return the key of the task that is running, which must have the policy `EVERY_CALL`."""
    context = TaskRunContext.get()
    if context is None or context.task_run.id not in _keys:
        raise RuntimeError("There is no task running that has cache_policy=EVERY_CALL.")
    return _keys[context.task_run.id]


@cache
def source_of(function: Callable[..., Any]) -> str:
    """Return the source of a task's function.

    It is read once, when the task is defined: now and then Python does not find it while other
    threads look for theirs or log a traceback, and then the key would be another one.
    """
    try:
        return inspect.getsource(function)
    except OSError:
        code: bytes = function.__code__.co_code
        return code.hex()


@cache
def _path(flow_run_id: UUID) -> str:
    """Return the way from the root flow run to a flow run, in names that a retry keeps."""
    with get_client(sync_client=True) as client:
        tracker_id = client.read_flow_run(flow_run_id).parent_task_run_id
        if tracker_id is None:
            return str(flow_run_id)
        tracker = client.read_task_run(tracker_id)
    if tracker.flow_run_id is None:
        return f"{tracker.id}"
    return f"{_path(tracker.flow_run_id)}/{tracker.task_key}-{tracker.dynamic_key}"


def _enclosing_calls(task_run: TaskRun) -> list[str]:
    """Return the keys of the calls that a call is made in, for tasks that call tasks."""
    inputs = dict(task_run.task_inputs)
    parents = _task_runs(inputs.pop("__parents__", []))
    # Prefect takes a task for a parent, too, that is still making an argument of the call.
    makers = _task_runs(maker for makers in inputs.values() for maker in makers)
    return sorted(_keys[parent] for parent in parents - makers if parent in _keys)


def _task_runs(inputs: Iterable[object]) -> set[UUID]:
    return {given.id for given in inputs if isinstance(given, TaskRunResult)}
