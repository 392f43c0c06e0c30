"""What Prefect executes in the place of a flow's function."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import update_wrapper
from types import FunctionType
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.futures import resolve_futures_to_states
from prefect.results import ResultRecord, should_persist_result
from prefect.states import is_state_iterable

from .attempts import attempt_of
from .returned import CHANGED, is_made, why_repeated
from .serializers import gives_back, in_words
from .subflows import (
    forget_lost_subflows,
    have_repeated,
    keep_for_flow,
    keep_ready,
    read_of_flow,
)


@dataclass
class Call:
    """A flow that is called by another one."""

    flow: Flow[..., Any]
    key: str
    identity: str
    is_known: bool
    is_changed: Callable[[], bool] = lambda: False
    begun: bool = False


called_flow: ContextVar[Call | None] = ContextVar("called", default=None)


def body_of(
    function: Callable[..., Any], flow: Flow[..., Any], identity: str
) -> Callable[..., Any]:
    """Return what Prefect executes in a function's place.

    Prefect makes the identity of a subflow of the name and the code of its function; so the name
    ends with that of the call, and the code is the same wherever this file is. The function's
    globals are what its annotations refer to.
    """
    run: Any = function
    begin, end, in_thread = _begin, _end, asyncio.to_thread

    def call(*args: Any, **kwargs: Any) -> Any:
        found = begin(flow)
        return found.result if found else end(flow, run(*args, **kwargs))

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        found = await in_thread(begin, flow)
        return found.result if found else await in_thread(end, flow, await run(*args, **kwargs))

    def generate(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        begin(flow)
        return (yield from run(*args, **kwargs))

    async def generate_async(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        await in_thread(begin, flow)
        async for item in run(*args, **kwargs):
            yield item

    kinds: Any = ((call, call_async), (generate, generate_async))
    chosen = kinds[flow.isgenerator][flow.isasync]
    code = chosen.__code__.replace(co_filename="<flow>")
    body = FunctionType(code, getattr(function, "__globals__", {}), None, None, chosen.__closure__)
    update_wrapper(body, function)
    if identity:
        body.__qualname__ = f"{flow.name.replace('.', '-')}-{identity}"
    return body


def _begin(flow: Flow[..., Any]) -> "ResultRecord[Any] | None":
    """Make sure that the storage takes results, and that those of subflows are still there.

    Return the result of a subflow that completed in an earlier attempt of its parent.
    """
    context, called = FlowRunContext.get(), called_flow.get()
    if context is None or context.flow_run is None:
        return None
    attempt = attempt_of(context)
    attempt.begun = True
    if called and called.flow is flow:
        called.begun = True
        attempt.place = called.key
    if not should_persist_result():
        return None
    if context.flow_run.parent_task_run_id is None:
        keep_ready(context, attempt.place)
    if context.flow_run.run_count > 1:
        forget_lost_subflows(context)
    is_known = called and called.flow is flow and called.is_known
    return read_of_flow(context, attempt.place) if is_known and not flow.isgenerator else None


def _end(flow: Flow[..., Any], value: Any) -> Any:
    """See that the storage takes what a flow returns; Prefect keeps it under another name."""
    context = FlowRunContext.get()
    if context and context.flow_run and should_persist_result():
        result = resolve_futures_to_states(value)
        # States are no result: Prefect decides by them whether the flow has failed.
        is_value = not isinstance(result, State) and not is_state_iterable(result)
        attempt, called = attempt_of(context), called_flow.get()
        own = called if called and called.flow is flow else None
        why = _why_repeated(context, own, result) if context.flow_run.parent_task_run_id else ""
        if why:
            attempt.say(f"A retry repeats {flow.name}: {why}")
        if why and own and own.is_known and own.identity == own.key:
            have_repeated(context)
        keep_for_flow(
            context, result, attempt.place if is_value and not why else str(context.flow_run.id)
        )
    return value


def _why_repeated(context: FlowRunContext, called: Call | None, result: Any) -> str:
    """Return why a retry repeats a subflow, or nothing."""
    if not gives_back(context.result_store.serializer, result):
        return in_words(result)
    if called and called.is_changed():
        return CHANGED
    return "" if is_made(result) else why_repeated(result)
