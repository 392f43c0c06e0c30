"""`flow`: Prefect's own, done only when its results are kept, and known again as a subflow.

- A flow run does not begin before the result storage has taken something from it.
- A flow whose result cannot be kept fails and says why.
- A subflow that completed is found again by what it is and what it is called with. Prefect finds
  it by the order of the calls, which is another one when subflows run side by side.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial, update_wrapper
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, overload
from uuid import uuid4

import prefect
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.futures import resolve_futures_to_states
from prefect.results import ResultRecord, should_persist_result
from prefect.states import is_state_iterable
from prefect.transactions import get_transaction
from prefect.utilities.callables import get_call_parameters
from prefect.utilities.collections import visit_collection
from prefect.utilities.engine import resolve_to_final_result
from typing_extensions import ParamSpec

from .calls import attempt_of, call_key
from .methods import unshared
from .storage import is_of_others
from .subflows import forget_lost_subflows, keep_for_flow, read_of_flow

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class Call:
    """A flow that is called by another one."""

    flow: "Flow[..., Any]"
    key: str
    is_known: bool
    begun: bool = False


_called: ContextVar[Call | None] = ContextVar("called", default=None)


class Flow(prefect.Flow[P, R]):
    """Prefect's flow, whose function does a little more while a run executes it."""

    if not TYPE_CHECKING:  # where the types are Prefect's

        @property
        def fn(self) -> Callable[..., Any]:
            """Return the function, or what Prefect executes in its place."""
            function: Callable[..., Any] = self.__dict__["fn"]
            called, running = _called.get(), FlowRunContext.get()
            if called and called.flow is self and not called.begun:
                return _body(function, self, called.key)
            if running and running.flow is self and not attempt_of(running).begun:
                return _body(function, self, "")
            return function

        @fn.setter
        def fn(self, function: Callable[..., Any]) -> None:
            self.__dict__["fn"] = function

        def __get__(self, instance: Any, owner: Any) -> "Flow[P, R]":
            """Return the flow as a method."""
            return super(Flow, unshared(self, instance)).__get__(instance, owner)

        def with_options(self, **options: Any) -> "Flow[P, R]":
            """Return a flow with other options."""
            # What `super` makes is a flow of Prefect's.
            changed = super().with_options(**options)
            changed.__class__ = type(self)
            return changed

        def __call__(self, *args: Any, **options: Any) -> Any:
            """Run the flow; the options are Prefect's."""
            if FlowRunContext.get() is None or self.isgenerator:
                return super().__call__(*args, **options)
            if self.isasync:
                return self._call_async(*args, **options)
            with self._as_subflow(args, options):
                return super().__call__(*args, **options)

    async def _call_async(self, *args: Any, **options: Any) -> Any:
        with self._as_subflow(args, options):
            made: Any = super().__call__(*args, **options)
            return await made

    @contextmanager
    def _as_subflow(self, args: tuple[Any, ...], options: dict[str, Any]) -> Iterator[None]:
        """Say while the flow is called which call of a subflow it is."""
        given = {n: v for n, v in options.items() if n not in ("return_state", "wait_for")}
        parameters = get_call_parameters(self.fn, args, given)
        try:
            parameters = visit_collection(
                parameters,
                resolve_to_final_result,
                return_data=True,
                remove_annotations=True,
                context={},
            )
        except Exception:  # something that it waits for failed, and Prefect will say so
            key = None
        else:
            key = self._call_key(parameters)
        token = _called.set(Call(self, key or uuid4().hex, is_known=key is not None))
        try:
            yield
        finally:
            _called.reset(token)

    def _call_key(self, parameters: dict[str, Any]) -> str | None:
        """Return the key of a call of the flow, if it is certain that it need not be repeated."""
        context = FlowRunContext.get()
        if context and is_of_others(get_transaction()):
            attempt_of(context).say(f"A retry repeats {self.name}: it is called in a transaction.")
            return None
        return call_key("flow", self.name, self.fn, parameters)


class FlowDecorator:
    """What `flow` is: it makes flows of functions, and of sources as Prefect's does."""

    from_source = staticmethod(Flow.from_source)

    @overload
    def __call__(self, function: Callable[P, R], /) -> Flow[P, R]: ...

    @overload
    def __call__(self, /, **options: Any) -> Callable[[Callable[P, R]], Flow[P, R]]: ...

    def __call__(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Make a flow of a function; the options are Prefect's."""
        return partial(self, **options) if function is None else Flow(function, **options)


flow = FlowDecorator()


def _body(function: Callable[..., Any], flow: Flow[..., Any], key: str) -> Callable[..., Any]:
    """Return what Prefect executes in a function's place.

    Prefect makes the identity of a subflow of the name and the code of its function; so the name
    ends with the key of the call, and the code is the same wherever this file is. The function's
    globals are what its annotations refer to.
    """
    run: Any = function
    begin, end, in_thread = _begin, _end, asyncio.to_thread

    def call(*args: Any, **kwargs: Any) -> Any:
        found = begin(flow)
        return found.result if found else end(run(*args, **kwargs))

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        found = await in_thread(begin, flow)
        return found.result if found else await in_thread(end, await run(*args, **kwargs))

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
    if key:
        body.__qualname__ = f"{flow.name.replace('.', '-')}-{key}"
    return body


def _begin(flow: Flow[..., Any]) -> "ResultRecord[Any] | None":
    """Make sure that the storage takes results, and that those of subflows are still there.

    Return the result of a subflow that completed in an earlier attempt of its parent.
    """
    context, called = FlowRunContext.get(), _called.get()
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
        keep_for_flow(context, "ready", attempt.place)
    if context.flow_run.run_count > 1:
        forget_lost_subflows(context)
    is_known = called and called.flow is flow and called.is_known
    return read_of_flow(context, attempt.place) if is_known and not flow.isgenerator else None


def _end(value: Any) -> Any:
    """See that the storage takes what a flow returns; Prefect keeps it under another name."""
    context = FlowRunContext.get()
    if context and context.flow_run and should_persist_result():
        result = resolve_futures_to_states(value)
        # States are no result: Prefect decides by them whether the flow has failed.
        is_value = not isinstance(result, State) and not is_state_iterable(result)
        name = attempt_of(context).place if is_value else str(context.flow_run.id)
        keep_for_flow(context, result, name)
    return value
