"""`run_deployment`: Prefect's own, whose child run a retry of its parent finds again.

- A child that completed is returned, one that has not ended is waited for. One that failed, crashed
  or was cancelled is scheduled again: the same run, so that it skips what it had done.
- A parent that is cancelled while it waits cancels its child, too.
- A call that cannot be told apart starts a child of its own in every attempt, and says so.
"""

import asyncio
import inspect
import sys
import time
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar, cast

import prefect.deployments
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext, TaskRunContext
from typing_extensions import ParamSpec

from .children import STOPS, Child

P = ParamSpec("P")
R = TypeVar("R")


def _like(prefects: Callable[P, Any]) -> Callable[[Callable[..., R]], Callable[P, R]]:
    """Give a function that takes arguments by name the signature of one of Prefect's."""
    signature = inspect.signature(prefects)

    def decorate(own: Callable[..., R]) -> Callable[P, R]:
        @wraps(own)
        def call(*args: P.args, **options: P.kwargs) -> R:
            # Prefect takes this one apart from the signature.
            mode = {"_sync": options.pop("_sync")} if "_sync" in options else {}
            given = signature.bind(*args, **options)
            given.apply_defaults()
            timeout = given.arguments["timeout"]
            if timeout is not None and timeout < 0:
                raise ValueError(f"`timeout` is {timeout}, and cannot be negative.")
            # Here, as an error is not known where a coroutine or a thread goes on with the call.
            is_cleaning_up = isinstance(sys.exception(), STOPS)
            return own(dict(given.arguments), is_cleaning_up, **mode)

        call.__dict__["__signature__"] = signature
        return call

    return decorate


@_like(prefect.deployments.arun_deployment)
def arun_deployment(given: dict[str, Any], is_cleaning_up: bool) -> Coroutine[Any, Any, FlowRun]:
    """Run a deployment, and return its run when that has ended or a timeout is over.

    A retry of the parent finds the run again. The arguments are Prefect's; `client` is not used,
    and with an `idempotency_key` of your own Prefect alone decides which run that is.
    """
    return _arun(given, is_cleaning_up)


@_like(prefect.deployments.arun_deployment)
def run_deployment(
    given: dict[str, Any], is_cleaning_up: bool, _sync: bool | None = None
) -> FlowRun:
    """Do the same as `arun_deployment`; in asynchronous code, return what is to be awaited."""
    is_sync = not _is_async() if _sync is None else _sync
    run: Any = _run if is_sync else _arun
    return cast(FlowRun, run(given, is_cleaning_up))


run_deployment.__dict__["aio"] = arun_deployment


def _run(given: dict[str, Any], is_cleaning_up: bool) -> FlowRun:
    with Child(given, is_cleaning_up) as child:
        run = child.begin()
        while not child.is_over(run):
            time.sleep(child.pause())
            run = child.look()
        return run


async def _arun(given: dict[str, Any], is_cleaning_up: bool) -> FlowRun:
    with Child(given, is_cleaning_up) as child:
        run = await asyncio.to_thread(child.begin)
        while not child.is_over(run):
            await asyncio.sleep(child.pause())
            run = await asyncio.to_thread(child.look)
        return run


def _is_async() -> bool:
    """Tell whether this is asynchronous code, by the rule that Prefect has."""
    task, flow = TaskRunContext.get(), FlowRunContext.get()
    if task:
        return task.task.isasync
    if flow and flow.flow:
        return flow.flow.isasync
    try:
        return asyncio.get_running_loop().is_running()
    except RuntimeError:
        return False
