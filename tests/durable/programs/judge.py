"""Whether a program did on Prefect what it does in plain Python."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.durable.programs.documented import DOCUMENTED
from tests.durable.programs.executed import RESULTS_ARE_STORED
from tests.durable.programs.lab import Outcome
from tests.durable.programs.shape import Program

VERDICTS = ("right", "documented", "repeated", "stuck", "wrong")
"""From good to bad: `documented` ran again what `DOCUMENTED` names, `stuck` did not complete."""

BAD = ("repeated", "stuck", "wrong")
"""What must not happen."""


@dataclass(frozen=True)
class Verdict:
    """One of `VERDICTS`, and why."""

    name: str
    reasons: tuple[str, ...] = ()


def judge(program: Program, outcome: Outcome) -> Verdict:
    """Return the verdict on a program that ran."""
    end = outcome.ends[-1]
    if end.get("state") != "COMPLETED":
        last = outcome.outputs[-1].strip().splitlines()[-1:] or ["no output"]
        return Verdict("stuck", (f"{end.get('state')}: {end.get('message') or last[0]}",))
    wrong = list(_wrong(outcome))
    if wrong:
        return Verdict("wrong", tuple(wrong))
    repeated = _repeated(outcome)
    reasons = {name: _reason(program, outcome, repeated, name) for name in repeated}
    bad = tuple(f"{name} was executed again" for name, reason in reasons.items() if not reason)
    if bad:
        return Verdict("repeated", bad)
    found = tuple(sorted({reason for reason in reasons.values() if reason}))
    return Verdict("documented" if found else "right", found)


def _wrong(outcome: Outcome) -> Iterator[str]:
    """Yield what is wrong with a result."""
    end, executed, extra = outcome.ends[-1], _executed(outcome), _extra(outcome)
    for name in _done(outcome.truth.lines) - (executed + extra):
        yield f"{name} was left out"
    if end["result"] != outcome.truth.result:
        yield f"the result is {end['result']}, right is {outcome.truth.result}"
    numbers = Counter(number for _, number in end["receipts"])
    for text, number in end["receipts"]:
        if numbers[number] > 1:
            yield f"{text} is the result of {numbers[number]} calls"


def _done(lines: Any) -> Counter[str]:
    return Counter(line["call"] for line in lines if line["event"] == "done")


def _executed(outcome: Outcome) -> Counter[str]:
    """Count the calls that ended well, over all attempts, without those of one attempt only."""
    lines = [line for attempt in outcome.lines for line in attempt if "extra" not in line["within"]]
    return _done(lines)


def _extra(outcome: Outcome) -> Counter[str]:
    """Count the calls of the first attempt only; equal ones may use their results."""
    return _done([line for line in outcome.lines[0] if "extra" in line["within"]])


def _repeated(outcome: Outcome) -> Counter[str]:
    """Count the calls that were executed again although they had surely succeeded."""
    first = outcome.lines[0]
    killed = [line["at"] for line in first if line["event"] == "killed"]
    unsure = [
        line for line in first if killed and line["at"] > killed[0] - 0.75 * RESULTS_ARE_STORED
    ]
    return _executed(outcome) - _done(outcome.truth.lines) - _done(unsure)


def _reason(program: Program, outcome: Outcome, repeated: Counter[str], name: str) -> str | None:
    """Return the documented kind that lets a call run again, if there is one."""
    lines = [line for line in outcome.truth.lines if line["call"] == name]
    around = {name, *(one for line in lines for one in line["within"])}
    kinds = {kind for one in around for kind in _kinds(program, name, one)}
    if kinds & DOCUMENTED.keys():
        return sorted(kinds & DOCUMENTED.keys())[0]
    receipts = {text for one in around for text in re.findall(r"Receipt\((.*?)\)", one)}
    makers = [line["call"] for line in outcome.truth.lines if line.get("text") in receipts]
    if set(makers) & repeated.keys() - {name}:
        return "changed argument"
    return "equal calls" if len(makers) > len(set(makers)) else None


def _kinds(program: Program, name: str, around: str) -> Iterator[str]:
    """Yield the kinds that a call is of because of one function or block around it, or its own."""
    if around in ("transaction", "threads", "bare threads", "delay"):
        yield around
    if not (number := re.match(r"f(\d+)", around)):
        return
    function = program.functions[int(number[1])]
    yield from function.options
    if "#" in name:
        yield "generator item"
    elif around != name and function.kind == "task":
        yield "generator loop" if function.returns == "items" else "task in task"
