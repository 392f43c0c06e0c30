"""`task`: Prefect's own, with which every call counts and a retry repeats none that succeeded."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

import prefect
from prefect.cache_policies import DEFAULT, NO_CACHE
from prefect.utilities.annotations import NotSet
from typing_extensions import ParamSpec

from .calls import EVERY_CALL
from .fingerprint import UnhashableError, fingerprint
from .methods import unshared

P = ParamSpec("P")
R = TypeVar("R")


@overload
def task(function: Callable[P, R], /) -> "Task[P, R]": ...


@overload
def task(**options: Any) -> Callable[[Callable[P, R]], "Task[P, R]"]: ...


def task(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a task of a function; the options are Prefect's."""
    return partial(task, **options) if function is None else Task(function, **options)


class Task(prefect.Task[P, R]):
    """Prefect's task, with `EVERY_CALL` where Prefect would use its default cache policy."""

    def __init__(self, fn: Any, *args: Any, **options: Any) -> None:
        """Make a task; the options are Prefect's."""
        super().__init__(fn, *args, **options)
        self._know_calls()

    def _know_calls(self) -> None:
        """Choose the cache policy, and a key of its own for what a factory makes."""
        if self.cache_policy is DEFAULT and self._user_cache_policy is NotSet:
            # Prefect executes a generator in any case, so its result would be of no use.
            policy: Any = NO_CACHE if self.isgenerator else EVERY_CALL
            self.cache_policy = policy
            if self.persist_result is None:
                self.persist_result = True
        if getattr(self.fn, "__closure__", None):
            with suppress(UnhashableError):
                self.task_key = f"{self.task_key}-{fingerprint(self.name, self.fn)[:8]}"

    if not TYPE_CHECKING:  # where the types are Prefect's

        def __get__(self, instance: Any, owner: Any) -> "Task[P, R]":
            """Return the task as a method."""
            return super(Task, unshared(self, instance)).__get__(instance, owner)

        def with_options(self, **options: Any) -> "Task[P, R]":
            """Return a task with other options."""
            # What `super` makes is a task of Prefect's.
            changed = super().with_options(**options)
            changed.__class__ = type(self)
            changed._know_calls()
            return changed

        def __call__(self, *args: Any, **options: Any) -> Any:
            """Run the task; the options are Prefect's."""
            made = super().__call__(*args, **options)
            if not self.isgenerator:
                return made
            return _isolated_async(made) if self.isasync else _isolated(made)


def _isolated(items: Generator[Any, None, Any]) -> Generator[Any, None, Any]:
    """Go through a generator task in a context of its own.

    Prefect leaves its run and transaction in the context of whoever goes through it: their tasks
    would belong to it, and all that follows if it is not closed.
    """
    context = copy_context()
    try:
        while True:
            try:
                item = context.run(next, items)
            except StopIteration as end:
                return end.value
            yield item
    finally:
        context.run(items.close)


async def _isolated_async(items: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    """Go through an asynchronous generator task in a context of its own."""
    wanted: asyncio.Queue[bool] = asyncio.Queue()
    made: asyncio.Queue[tuple[bool, Any]] = asyncio.Queue()

    async def make() -> None:
        async with aclosing(items):
            while await wanted.get():
                try:
                    made.put_nowait((True, await anext(items)))
                except StopAsyncIteration:
                    made.put_nowait((False, None))
                    break
                except Exception as error:
                    made.put_nowait((False, error))
                    break

    maker = asyncio.create_task(make())
    try:
        while True:
            wanted.put_nowait(True)
            is_item, item = await made.get()
            if not is_item:
                if item is not None:
                    raise item
                return
            yield item
    except asyncio.CancelledError:
        maker.cancel()
        raise
    finally:
        wanted.put_nowait(False)
        await asyncio.wait([maker])
