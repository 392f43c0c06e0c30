"""The judge of random programs, on what programs may have done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.durable.programs.judge import judge
from tests.durable.programs.lab import Outcome
from tests.durable.programs.oracle import failure, truth
from tests.durable.programs.shape import (
    Call,
    Constant,
    Earlier,
    Failure,
    Function,
    Map,
    Program,
    Target,
)

TWO_CALLS = Program(
    functions=(
        Function("task", "plain", returns="receipt"),
        Function(
            "flow",
            "plain",
            steps=tuple(Call(Target(0, 0), Constant("number", number)) for number in (0, 1)),
            returns="parts",
        ),
    ),
    failure=Failure(2, "raise", "start"),
)


def outcome(program: Program = TWO_CALLS, **end: Any) -> Outcome:
    """Return what is seen of a program whose first call was done before it failed."""
    right = truth(program)
    done = [line for line in right.lines if line["event"] == "done"]
    receipts = [[line["text"], line["number"]] for line in done[:-1]]
    completed = {"state": "COMPLETED", "result": right.result, "receipts": receipts, **end}
    lines = [[done[0]], done[1:]]
    return Outcome(right, failure(program, right), lines, [{}, completed], ["", ""])


def test_a_call_that_is_executed_once_is_right() -> None:
    assert judge(TWO_CALLS, outcome()).name == "right"


def test_a_call_that_is_left_out_is_wrong() -> None:
    seen = outcome()
    seen.lines[1].pop(0)
    assert judge(TWO_CALLS, seen).name == "wrong"


def test_another_result_is_wrong() -> None:
    assert judge(TWO_CALLS, outcome(result="['f0-a']")).name == "wrong"


def test_one_result_of_two_calls_is_wrong() -> None:
    assert judge(TWO_CALLS, outcome(receipts=[["f0", "1.1"], ["f0", "1.1"]])).name == "wrong"


def test_a_retry_that_fails_is_stuck() -> None:
    assert judge(TWO_CALLS, outcome(state="FAILED", message="no")).name == "stuck"


def test_a_call_that_is_executed_twice_is_repeated() -> None:
    seen = outcome()
    seen.lines[1].append(seen.lines[0][0])
    assert judge(TWO_CALLS, seen).name == "repeated"


def test_a_call_that_keeps_nothing_may_be_executed_twice() -> None:
    task, root = TWO_CALLS.functions
    program = replace(TWO_CALLS, functions=(replace(task, options=("not persisted",)), root))
    seen = outcome(program)
    seen.lines[1].append(seen.lines[0][0])
    assert judge(program, seen).name == "documented"


@pytest.mark.parametrize(("numbers", "verdict"), [((0, 0), "documented"), ((0, 1), "repeated")])
def test_what_is_given_results_of_equal_calls_may_be_executed_twice(
    numbers: tuple[int, int], verdict: str
) -> None:
    task, root = TWO_CALLS.functions
    made = Map(Target(0, 0), tuple(Constant("number", number) for number in numbers))
    steps = (made, Call(Target(1, 0), Earlier(0)))
    used = replace(task, returns="text")
    program = replace(TWO_CALLS, functions=(task, used, replace(root, steps=steps)))
    seen = outcome(program)
    again = next(line for line in seen.lines[1] if line["call"].startswith("f1"))
    seen.lines[1].append(again)
    assert judge(program, seen).name == verdict
