"""`flow`: Prefect's own, done only when its results are kept, and known again as a subflow.

- A flow run does not begin before the result storage has taken something from it.
- A flow whose result cannot be kept fails and says why.
- A subflow that completed is found again by what it is and what it is called with. Prefect finds
  it by the order of the calls, which is another one when subflows run side by side.
"""

from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload
from uuid import uuid4

import prefect
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.results import resolve_serializer
from prefect.utilities.callables import get_call_parameters
from prefect.utilities.collections import visit_collection
from prefect.utilities.engine import resolve_to_final_result
from typing_extensions import ParamSpec

from .attempts import attempt_of, say_that_it_is_outside
from .awaited import awaited_by_flow, note_awaited
from .bodies import Call, body_of, called_flow
from .calls import call_key, is_in_transaction, repeated
from .fingerprint import UnhashableError, fingerprint, is_changed
from .generators import isolated, isolated_async
from .hooks import Hooks
from .methods import unshared
from .serializers import is_exact

P = ParamSpec("P")
R = TypeVar("R")


class Flow(prefect.Flow[P, R]):
    """Prefect's flow, whose function does a little more while a run executes it."""

    def __init__(self, fn: Any, *args: Any, **options: Any) -> None:
        """Make a flow; the options are Prefect's."""
        super().__init__(fn, *args, **options)
        self._know_hooks()

    def _know_hooks(self) -> None:
        """Let every hook say that it is one."""
        for name, hooks in vars(self).items():
            if name.endswith("_hooks"):
                setattr(self, name, Hooks(hooks))

    if not TYPE_CHECKING:  # where the types are Prefect's

        @property
        def fn(self) -> Callable[..., Any]:
            """Return the function, or what Prefect executes in its place."""
            function: Callable[..., Any] = self.__dict__["fn"]
            called, running = called_flow.get(), FlowRunContext.get()
            if called and called.flow is self and not called.begun:
                return body_of(function, self, called.identity)
            if running and running.flow is self and not attempt_of(running).begun:
                return body_of(function, self, "")
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
            changed._know_hooks()
            return changed

        def __call__(self, *args: Any, **options: Any) -> Any:
            """Run the flow; the options are Prefect's."""
            if FlowRunContext.get() is None:
                say_that_it_is_outside(self.name)
                return super().__call__(*args, **options)
            if self.isgenerator and self.isasync:
                return isolated_async(self._generate_async(args, options))
            if self.isgenerator:
                return isolated(self._generate(args, options))
            if self.isasync:
                return self._call_async(args, options)
            with self._as_subflow(args, options) as called:
                return _noted(called, super().__call__(*args, **options))

    async def _call_async(self, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        with self._as_subflow(args, options) as called:
            made: Any = super().__call__(*args, **options)
            return _noted(called, await made)

    def _generate(
        self, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Generator[Any, None, Any]:
        with self._as_subflow(args, options):
            made: Any = super().__call__(*args, **options)
            return (yield from made)

    async def _generate_async(
        self, args: tuple[Any, ...], options: dict[str, Any]
    ) -> AsyncGenerator[Any, None]:
        with self._as_subflow(args, options):
            made: Any = super().__call__(*args, **options)
            async with aclosing(made):
                async for item in made:
                    yield item

    @contextmanager
    def _as_subflow(self, args: tuple[Any, ...], options: dict[str, Any]) -> Iterator[Call]:
        """Say while the flow is called which call of a subflow it is."""
        given = {n: v for n, v in options.items() if n not in ("return_state", "wait_for")}
        parameters = get_call_parameters(self.fn, args, given)
        awaited = options.get("wait_for")
        try:
            parameters = _resolved(parameters)
            _resolved(awaited)
        except Exception:  # something that it waits for failed, and Prefect will say so
            called = self._called(None)
        else:
            called = self._called(self._call_key(parameters, awaited))
            if called.is_known:
                made_of = (self.__dict__["fn"], parameters)
                called.is_changed = partial(is_changed, fingerprint(*made_of), *made_of)
        token = called_flow.set(called)
        try:
            yield called
        finally:
            called_flow.reset(token)

    def _call_key(self, parameters: dict[str, Any], awaited: Any) -> str | None:
        """Return the key of a call of the flow, if it is certain that it need not be repeated."""
        if is_in_transaction(self.name):
            return None
        note_awaited(awaited)
        try:
            after = awaited_by_flow(awaited)
        except UnhashableError as unhashable:
            if context := FlowRunContext.get():
                attempt_of(context).say(repeated(self.name, unhashable))
            return None
        return call_key("flow", self.name, self.fn, parameters, *after)

    def _called(self, key: str | None) -> Call:
        """Return a call, with what Prefect is to know it by.

        Prefect uses the state of a call that it knows again. That has no items of a generator, and
        a serializer may have made another value of the result.
        """
        context = FlowRunContext.get()
        serializer = context.result_store.serializer if context else "pickle"
        is_used = not self.isgenerator and is_exact(
            resolve_serializer(self.result_serializer or serializer)
        )
        place = key or uuid4().hex
        identity = place if is_used else uuid4().hex
        return Call(self, place, identity, is_known=key is not None)


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


def _noted(called: Call, made: Any) -> Any:
    """Note which call a state is of, and return it: other calls may wait for it."""
    context = FlowRunContext.get()
    if context and called.is_known and isinstance(made, State) and made.state_details.task_run_id:
        attempt_of(context).keyless[made.state_details.task_run_id] = called.key
    return made


def _resolved(values: Any) -> Any:
    """Wait for the futures in values, and return the values with their results."""
    return visit_collection(
        values,
        resolve_to_final_result,
        return_data=True,
        remove_annotations=True,
        context={},
    )
