"""Make a program that fails smaller, with Hypothesis."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from tests.durable.programs.generate import program
from tests.durable.programs.oracle import TooLargeError, Truth, truth
from tests.durable.programs.shape import Program
from tests.durable.programs.strategies import programs


class StillFailsError(Exception):
    """A smaller program fails as well."""


def shrink(
    number: int, runner: str, fails: Callable[[Program, Truth], bool], tries: int
) -> tuple[Program, Truth]:
    """Return the smallest program found that fails; `tries` are run at most."""
    target, right = program(number, runner)
    smallest = [(target, right)]
    known: dict[Program, bool] = {target: True}

    @seed(number)
    @settings(
        max_examples=2,
        phases=[Phase.generate, Phase.shrink],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )
    @given(programs(runner))
    def draw(one: Program) -> None:
        began = len(known) > 1 or one == target
        if one not in known and began and len(known) <= tries:
            known[one] = _fails(one)
        if began and known.get(one):
            raise StillFailsError

    def _fails(one: Program) -> bool:
        try:
            found = truth(one)
        except TooLargeError:
            return False
        if fails(one, found):
            smallest.append((one, found))
            return True
        return False

    try:
        draw()
    except Exception as error:
        if not isinstance(error, StillFailsError):
            print(f"Hypothesis stopped shrinking: {error}")
    return smallest[-1]
