"""Tasks that other processes execute: which call each is, known before it leaves this one.

Equal calls are counted where they are submitted, as nothing else knows all of them. What a call is
given is known where it is executed, as only there all of it has a result. So the key of such a call
is made of both.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from prefect import allow_failure
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture
from prefect.task_runners import PrefectTaskRunner, TaskRunner, ThreadPoolTaskRunner
from prefect.utilities.collections import visit_collection

from .attempts import AwaitedError, attempt_of, is_certain, name_of, share_attempt
from .calls import EveryCall, call_key, is_in_transaction
from .fingerprint import UnhashableError, fingerprint

DIFFERENT = UnhashableError("what may be something else in a retry")


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
        try:
            what = _described(task, parameters, wait_for)
            sent.submitted_as = _key(task, what)
            name: str | UnhashableError = sent.submitted_as or fingerprint(*what)
        except UnhashableError as unhashable:
            name = unhashable
        future = self._runner.submit(sent, parameters, wait_for=wait_for, dependencies=dependencies)
        if _is_given_the_same(parameters) and sent.submitted_as and context:
            attempt_of(context).keys[future.task_run_id] = sent.submitted_as
        elif context:
            attempt_of(context).keyless[future.task_run_id] = (
                DIFFERENT if sent.submitted_as else name
            )
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


def _key(task: Any, what: tuple[Any, ...]) -> str | None:
    """Return the key of a submission, if it needs any."""
    if not isinstance(task.cache_policy, EveryCall) or is_in_transaction(task.name):
        return None
    return call_key(*what)


def _is_given_the_same(parameters: dict[str, Any]) -> bool:
    """Tell whether a retry gives a call what it is given here, if it has the same name there."""
    certain = []

    def note(given: Any, context: dict[str, Any]) -> Any:
        if isinstance(given, PrefectFuture):
            may_fail = isinstance(context.get("annotation"), allow_failure)
            certain.append(not may_fail and is_certain(given.task_run_id))
        return given

    visit_collection(parameters, note, return_data=True, context={})
    return all(certain)


def _described(task: Any, parameters: dict[str, Any], wait_for: Any) -> tuple[Any, ...]:
    """Return what is submitted, in which the names of futures' calls stand for their results."""

    def named(given: Any) -> Any:
        return ("future", name_of(given.task_run_id)) if isinstance(given, PrefectFuture) else given

    def named_unless_it_may_fail(given: Any, context: dict[str, Any]) -> Any:
        if isinstance(context.get("annotation"), allow_failure):
            raise AwaitedError("may fail")
        return named(given)

    def named_if_known(given: Any) -> Any:
        try:
            return named(given)
        except AwaitedError:  # its result is compared where the call is executed
            return "future"

    given = visit_collection(parameters, named_if_known, return_data=True)
    awaited = visit_collection(wait_for, named_unless_it_may_fail, return_data=True, context={})
    return ("submission", task.name, task.fn, given, awaited)
