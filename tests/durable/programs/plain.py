"""`flow`, `task`, `settle` and `transaction` in plain Python: no result is stored.

The same source text that runs on Prefect runs on these, and tells what is right.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from contextvars import copy_context
from functools import partial
from typing import Any

from tests.durable.programs.executed import inside, value

NO_CACHE = None


class Done:
    """A future whose call has ended."""

    def __init__(self, result: Any) -> None:
        """Have a result."""
        self._result = result

    def result(self) -> Any:
        """Return what the call returned."""
        return self._result

    def wait(self) -> None:
        """Return at once."""


class Callee:
    """A function, called as Prefect calls one: with results instead of futures."""

    def __init__(self, function: Any) -> None:
        """Call a function, a method of any kind, or an object."""
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        """Call it."""
        return self.function(*map(value, arguments))

    def __get__(self, instance: Any, owner: type) -> Callee:
        """Bind it as a method."""
        return Callee(self.function.__get__(instance, owner))

    def submit(self, *arguments: Any, wait_for: Iterable[Any] = ()) -> Done:
        """Call it and return a future."""
        return Done(_ended(lambda: self(*arguments)))

    def map(self, arguments: Any) -> list[Done]:
        """Call it for each argument."""
        return [self.submit(argument) for argument in value(arguments)]

    def with_options(self, **options: Any) -> Callee:
        """Return the same."""
        return Callee(self.function)


def task(function: Any = None, **options: Any) -> Any:
    """Make a task of a function."""
    return partial(task, **options) if function is None else Callee(function)


flow = task


def settle(runs: Iterable[Any]) -> list[Any]:
    """Return futures, which have ended."""
    return list(runs)


def delay(task: Callee, argument: Any) -> Done:
    """Call it as a task worker does."""
    with inside("delay"):
        return task.submit(argument)


def runner(kind: str) -> None:
    """Return nothing, as calls are executed at once."""


def transaction() -> AbstractContextManager[None]:
    """Note that calls are in a transaction."""
    return inside("transaction")


def _ended(make: Callable[[], Any]) -> Any:
    """Return a result, also of what must be awaited."""
    made = make()
    if not inspect.isawaitable(made):
        return made

    async def wait() -> Any:
        return await made

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, asyncio.run, wait()).result()
