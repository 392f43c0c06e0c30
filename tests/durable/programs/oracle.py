"""What a program does in plain Python, which is what it has to do on Prefect."""

from __future__ import annotations

import asyncio
import inspect
import sys
from dataclasses import dataclass
from threading import Lock
from types import ModuleType
from typing import Any

from tests.durable.programs import executed
from tests.durable.programs.attempt import Attempt, Fails, Told
from tests.durable.programs.render import source
from tests.durable.programs.shape import Program
from tests.durable.programs.values import canonical

MOST_CALLS = 30
"""Executed calls of a program, at most; larger ones cost time and show nothing more."""

_ALONE = Lock()


class TooLargeError(Exception):
    """A program executes more calls than is worth the time."""


@dataclass(frozen=True)
class Truth:
    """The lines that a program writes in plain Python, and what it returns."""

    lines: tuple[dict[str, Any], ...]
    result: str


def truth(program: Program) -> Truth:
    """Run a program in plain Python, as it runs when it is retried."""
    files = source(program, "plain")
    attempt = _Limited(Told(number=2), pace=0)
    with _ALONE, executed.attempting(attempt):
        try:
            for name in sorted(files, key=lambda name: name == "program.py"):
                module = ModuleType(name.removesuffix(".py"))
                sys.modules[module.__name__] = module
                exec(compile(files[name], name, "exec"), module.__dict__)
            result = sys.modules["program"].root()
            if inspect.isawaitable(result):
                result = asyncio.run(_awaited(result))
        finally:
            for name in files:
                sys.modules.pop(name.removesuffix(".py"), None)
    return Truth(tuple(attempt.lines), canonical(result))


async def _awaited(result: Any) -> Any:
    return await result


class _Limited(Attempt):
    """An attempt that ends when it has executed too much."""

    def note(self, event: str, call: str, **more: Any) -> None:
        super().note(event, call, **more)
        if len(self.lines) > 2 * MOST_CALLS:
            raise TooLargeError


def failure(program: Program, found: Truth) -> Fails:
    """Return the call that fails, which time it is made, how it fails, and whether at its end."""
    started = [line["call"] for line in found.lines if line["event"] == "start"]
    index = program.failure.call % len(started)
    name = started[index]
    return name, started[:index].count(name), program.failure.how, program.failure.at
