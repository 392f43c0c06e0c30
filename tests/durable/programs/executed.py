"""What the functions of random programs call: note each execution, and fail where told.

The notes are lines in a file that Prefect knows nothing of.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any

from tests.durable.programs.attempt import Attempt, Told
from tests.durable.programs.values import canonical, digest, made

RESULTS_ARE_STORED = 0.2
"""Seconds before a kill in which the results of what had ended until then are surely stored."""


class InjectedError(Exception):
    """The failure of the first attempt."""


now = Attempt(Told())
_within: ContextVar[tuple[str, ...]] = ContextVar("within", default=())


@contextmanager
def attempting(new: Attempt) -> Iterator[Attempt]:
    """Let the functions of a program note what they do for an attempt."""
    global now
    before, now = now, new
    try:
        yield new
    finally:
        now = before


def attempt() -> int:
    """Return which attempt of the program this is."""
    return now.told.number


@contextmanager
def inside(what: str) -> Iterator[None]:
    """Note with calls what they are made in."""
    before = _within.get()
    _within.set((*before, what))
    try:
        yield
    finally:
        _within.set(before)


class call:  # noqa: N801
    """The execution of a function of a program."""

    def __init__(self, key: str, argument: Any) -> None:
        """Know it by the function's key and the argument."""
        self.key, self.name = key, f"{key}({canonical(argument)})"
        self._fails = False

    def __enter__(self) -> call:
        """Note the start, take some time, and fail if told so."""
        self._begin(self.name)
        self._inside = inside(self.name)
        self._inside.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """Leave it."""
        self._inside.__exit__(None, None, None)

    def returns(self, kind: str, *inner: Any) -> Any:
        """Note the end and return a value that tells all that it was made of."""
        parts = [value(part) for part in inner]
        text = f"{self.key}-{digest(self.name, [canonical(part) for part in parts])}"
        if kind == "parts":
            self._end(self.name, "text", text)
            return parts
        return self._end(self.name, kind, text)

    def leaf(self) -> Any:
        """Begin and end it."""
        with self:
            return self.returns("text")

    def item(self, number: int) -> str:
        """Return what a generator yields."""
        name = f"{self.name}#{number}"
        self._begin(name)
        return str(self._end(name, "text", f"{self.key}-{digest(name)}"))

    def _begin(self, name: str) -> None:
        occurrence, fails = now.start(name, within=_within.get()), now.told.fails
        time.sleep(_random(name, occurrence) * now.pace)
        self._fails = fails is not None and fails[:2] == (name, occurrence)
        self._fail("start")

    def _end(self, name: str, kind: str, text: str) -> Any:
        self._fail("end")
        number = now.issue()
        _note("done", name, text=text, number=number)
        return made(kind, text, number)

    def _fail(self, at: str) -> None:
        fails = now.told.fails
        if not self._fails or fails is None or fails[3] != at:
            return
        if fails[2] == "kill":
            time.sleep(RESULTS_ARE_STORED)
            _note("killed", self.name)
            os.kill(os.getpid(), signal.SIGKILL)
        _note("failed", self.name)
        raise InjectedError(self.name)


def value(run: Any) -> Any:
    """Return the result of a future, of each in a list, or what is no future as it is."""
    if isinstance(run, list | tuple):
        return [value(one) for one in run]
    return run.result() if hasattr(run, "wait") else run


def parts(run: Any) -> Any:
    """Return what a loop over a result goes through."""
    found = value(run)
    if isinstance(found, list | set | frozenset):
        return found
    return [found]


def any_order(results: list[Any]) -> list[Any]:
    """Return results in an order that does not depend on the process."""
    return sorted(results, key=canonical)


def late(makers: list[Callable[[], Awaitable[Any]]]) -> list[Awaitable[Any]]:
    """Return awaitables that begin in another order in each attempt."""

    async def begin(number: int, make: Callable[[], Awaitable[Any]]) -> Any:
        await asyncio.sleep(_random("late", number) * now.pace * 2)
        return await make()

    return [begin(number, make) for number, make in enumerate(makers)]


def in_threads(calls: list[Callable[[], Any]], with_context: bool = True) -> list[Any]:
    """Call functions in threads of one's own, in another order in each attempt."""

    def begin(number: int, make: Callable[[], Any]) -> Any:
        time.sleep(_random("thread", number) * now.pace * 2)
        with inside("threads" if with_context else "bare threads"):
            return make()

    with ThreadPoolExecutor(len(calls)) as pool:
        begun = [
            pool.submit(copy_context().run, begin, number, make)
            if with_context
            else pool.submit(begin, number, make)
            for number, make in enumerate(calls)
        ]
    return [one.result() for one in begun]


def _note(event: str, call: str, **more: Any) -> None:
    now.note(event, call, within=_within.get(), **more)


def _random(name: str, number: int) -> float:
    told = now.told
    return random.Random(f"{told.seed} {told.number} {name} {number}").random()
