"""Tasks that other processes execute: which call each is, known before it leaves this one.

Equal calls are counted where they are submitted, as nothing else knows all of them. What a call is
given is known where it is executed, as only there all of it has a result. So the key of such a call
is made of both.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture
from prefect.task_runners import PrefectTaskRunner, TaskRunner, ThreadPoolTaskRunner
from prefect.utilities.collections import visit_collection

from .attempts import attempt_of, share_attempt
from .calls import EveryCall, call_key, is_in_transaction


class Submissions(TaskRunner[Any]):
    """A task runner that sends a key along with each task that it gives to another one."""

    def __init__(self, runner: TaskRunner[Any]) -> None:
        """Give tasks to a runner that has been started."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._runner = runner

    def duplicate(self) -> Any:
        """Return another runner of that kind."""
        return self._runner.duplicate()

    def submit(
        self, task: Any, parameters: dict[str, Any], wait_for: Any = None, dependencies: Any = None
    ) -> Any:
        """Submit a call of a task."""
        sent, context = copy(task), FlowRunContext.get()
        sent.submitted_as = _key(task, parameters, wait_for)
        future = self._runner.submit(sent, parameters, wait_for=wait_for, dependencies=dependencies)
        if sent.submitted_as and context:
            attempt_of(context).keys[future.task_run_id] = sent.submitted_as
        return future


@contextmanager
def known_submissions() -> Iterator[None]:
    """Send keys along with the tasks that are submitted meanwhile, if other processes get them."""
    context = FlowRunContext.get()
    # What Prefect's own runner sends is the name of a task.
    if context is None or isinstance(
        context.task_runner, ThreadPoolTaskRunner | PrefectTaskRunner | Submissions
    ):
        yield
        return
    with Submissions(context.task_runner) as runner:
        known = context.model_copy(update={"task_runner": runner})
        share_attempt(context, known)
        with known:
            yield


def _key(task: Any, parameters: dict[str, Any], wait_for: Any) -> str | None:
    """Return the key of a submission, in which futures stand for their results, if it needs any."""
    if not isinstance(task.cache_policy, EveryCall):
        return None
    context = FlowRunContext.get()
    if is_in_transaction(task.name):
        return None
    keys = attempt_of(context).keys if context else {}

    def as_key(given: Any) -> Any:
        is_future = isinstance(given, PrefectFuture)
        return ("future", keys.get(given.task_run_id)) if is_future else given

    given = visit_collection(parameters, as_key, return_data=True)
    awaited = visit_collection(wait_for, as_key, return_data=True)
    return call_key("submission", task.name, task.fn, given, awaited)
