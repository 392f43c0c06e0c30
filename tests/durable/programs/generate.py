"""Programs by number: each is drawn by Hypothesis with its number as the seed."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, assume, given, seed, settings

from tests.durable.programs.oracle import TooLargeError, Truth, truth
from tests.durable.programs.shape import Program
from tests.durable.programs.strategies import programs


def program(number: int, runner: str = "threads") -> tuple[Program, Truth]:
    """Return the program of a number and a task runner, and what is right for it."""
    drawn: list[tuple[Program, Truth]] = []

    @seed(number)
    @settings(
        # The first one is always the simplest.
        max_examples=2,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(programs(runner))
    def draw(one: Program) -> None:
        try:
            drawn.append((one, truth(one)))
        except TooLargeError:
            assume(False)

    draw()
    return drawn[-1]
