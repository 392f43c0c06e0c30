"""Hypothesis' strategies of random programs."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from tests.durable.programs.bodies import CONSTANTS, CONTAINERS, is_future
from tests.durable.programs.shape import (
    VARIANTS,
    Argument,
    Call,
    Constant,
    Each,
    Earlier,
    Extra,
    Failure,
    Function,
    Given,
    Loop,
    Map,
    Program,
    Step,
    Target,
    Together,
    Transaction,
    Wrapped,
)

LEAF_SHAPES = [
    *["plain", "closure", "default", "shared", "options", "wrapped", "inner", "exec"],
    *["exec globals", "method", "static", "static outside", "class", "callable", "partial"],
    *["lambda", "global"],
]
TASK_SHAPES = ["plain", "closure", "shared", "wrapped", "method"]
FLOW_SHAPES = ["plain", "closure", "default", "shared", "wrapped", "inner"]
ASYNC_SHAPES = ["plain", "closure", "default", "shared", "wrapped", "inner"]
OPTIONS = ["no cache", "no policy", "not persisted", "retries"]
RETURNS = ["text", "text", "receipt", "set", "model", "dataclass", "dict", "none", "list"]

COMPOSED_RETURNS = ["parts", "parts", "text", "receipt", "list"]


@st.composite
def programs(draw: st.DrawFn, runner: str = "threads") -> Program:
    """Draw a program; `runner` executes what its flow submits, and what its subflows do, maybe."""
    functions: list[Function] = [draw(leaves())]
    for _ in range(draw(st.integers(0, 3))):
        functions.append(draw(leaves()))
    kinds = st.sampled_from(["items", "task", "flow", "flow", "flow"])
    for kind in draw(st.lists(kinds, min_size=1, max_size=3)):
        functions.append(draw(generators() if kind == "items" else composed(kind, functions)))
    root = draw(composed("flow", functions, is_root=True))
    failure = Failure(
        draw(st.integers(0, 40)),
        draw(st.sampled_from(["raise", "raise", "raise", "kill"])),
        draw(st.sampled_from(["start", "end"])),
    )
    loaded = draw(st.sampled_from(["module", "script"]))
    postponed = draw(st.booleans())
    if runner != "threads":
        root, all_flows = replace(root, runner=runner), draw(st.booleans())
        functions = [
            replace(one, runner=runner) if all_flows and one.kind == "flow" else one
            for one in functions
        ]
    every = (*functions, root)
    return Program(tuple(_delayed(every, one) for one in every), failure, loaded, postponed)


def _delayed(functions: tuple[Function, ...], function: Function) -> Function:
    """Return a flow that leaves tasks to a task worker, if it is to do so: all but each other."""
    if function.runner != "delay":
        return function

    def delayed(number: int, step: Step) -> Step:
        if not isinstance(step, Call) or functions[step.target.function].kind != "task":
            return step
        submitted = step.how == "submit"
        return replace(step, how="delay", wait_for=None) if submitted or number % 2 else step

    steps = tuple(delayed(number, step) for number, step in enumerate(function.steps))
    return replace(function, steps=steps)


@st.composite
def leaves(draw: st.DrawFn) -> Function:
    """Draw a task that calls nothing."""
    shape = draw(st.sampled_from(LEAF_SHAPES))
    is_async = shape in ASYNC_SHAPES and draw(st.integers(0, 3)) == 3
    options = draw(st.sampled_from([()] * 20 + [(option,) for option in OPTIONS]))
    returns = "text" if shape == "lambda" else draw(st.sampled_from(RETURNS))
    return Function(
        "task",
        shape,
        options=options,
        returns="text" if options and returns == "receipt" else returns,
        named=draw(st.booleans()),
        is_async=is_async,
        in_place=shape in ("closure", "default") and draw(st.booleans()),
    )


@st.composite
def generators(draw: st.DrawFn) -> Function:
    """Draw a task that yields."""
    shape = draw(st.sampled_from(["plain", "closure"]))
    return Function("task", shape, returns="items", is_async=draw(st.booleans()))


@st.composite
def composed(
    draw: st.DrawFn, kind: str, functions: list[Function], is_root: bool = False
) -> Function:
    """Draw a task or a flow that calls others."""
    shapes = ["plain"] if is_root else FLOW_SHAPES if kind == "flow" else TASK_SHAPES
    shape = draw(st.sampled_from(shapes))
    is_async = shape in ASYNC_SHAPES and draw(st.booleans())
    kinds = STEPS[kind]
    if kind == "flow" and is_async and any(one.is_async for one in functions):
        kinds = [*kinds, *["gather"] * 5]
    if kind == "flow" and _usable_generators(functions, is_async):
        kinds = [*kinds, *["each"] * 5]
    steps: list[Step] = []
    for _ in range(draw(st.integers(3, 6) if is_root else st.integers(1, 3))):
        step = draw(_step(draw(st.sampled_from(kinds)), functions, steps, is_async, is_root))
        steps += [] if step is None else [step]
    return Function(
        kind,
        shape,
        tuple(steps),
        returns="parts" if is_root else draw(st.sampled_from(COMPOSED_RETURNS)),
        named=draw(st.booleans()),
        is_async=is_async,
        in_place=shape in ("closure", "default") and draw(st.booleans()),
    )


STEPS = {
    "task": ["direct", "direct", "submit", "loop"],
    "flow": [
        *["direct", "direct", "direct", "submit", "submit", "map", "chain", "loop", "loop"],
        *["threads", "threads", "bare threads", "transaction", "extra"],
    ],
}
"""What the steps of a body are drawn from; flows have more of what they have the functions for."""


@st.composite
def _step(
    draw: st.DrawFn,
    kind: str,
    functions: list[Function],
    steps: list[Step],
    is_async: bool,
    is_root: bool,
) -> Step | None:
    """Draw a step of a body, or nothing if there is nothing that it could call."""
    every = [n for n, function in enumerate(functions) if function.returns != "items"]
    tasks = [n for n in every if functions[n].kind == "task"]
    direct = [n for n in every if is_async or not functions[n].is_async]
    plain = [n for n in every if not functions[n].is_async]
    leaf = [n for n in plain if functions[n].kind == "task" and not functions[n].steps]

    def target(numbers: list[int]) -> Target:
        composed = [number for number in numbers if functions[number].steps]
        number = draw(st.sampled_from([*numbers, *composed, *composed]))
        return Target(number, draw(st.integers(0, len(VARIANTS) - 1)))

    def call(numbers: list[int]) -> Call:
        return Call(target(numbers), draw(arguments(steps, is_root)))

    def calls(numbers: list[int], most: int = 3) -> tuple[Call, ...]:
        return tuple(call(numbers) for _ in range(draw(st.integers(2, most))))

    looped = [n for n, step in enumerate(steps) if isinstance(step, Call)]
    waited = [n for n, step in enumerate(steps) if is_future(step)]
    match kind:
        case "direct" if direct:
            return call(direct)
        case "submit" if tasks:
            wait_for = draw(st.sampled_from([None, *waited]))
            return Call(target(tasks), draw(arguments(steps, is_root)), "submit", wait_for)
        case "map" | "chain" if tasks:
            each = st.lists(arguments(steps, is_root), min_size=2, max_size=4)
            return Map(target(tasks), tuple(draw(each)), kind == "chain")
        case "loop" if looped and (direct and tasks):
            how = draw(st.sampled_from(["direct", "submit"]))
            numbers = direct if how == "direct" else tasks
            return Loop(target(numbers), draw(st.sampled_from(looped)), how)
        case "gather" if [n for n in every if functions[n].is_async]:
            return Together(calls([n for n in every if functions[n].is_async]), "gather")
        case "threads" if plain:
            return Together(calls(plain), "threads")
        case "bare threads" | "transaction" | "extra" if leaf:
            if kind == "extra":
                return Extra(call(leaf))
            return (
                Transaction(calls(leaf)) if kind == "transaction" else Together(calls(leaf), kind)
            )
        case "each" if direct:
            made = target(_usable_generators(functions, is_async))
            stop = draw(st.sampled_from([None, 1, 2]))
            return Each(made, draw(arguments(steps, is_root)), target(direct), stop)
    return None


def _usable_generators(functions: list[Function], is_async: bool) -> list[int]:
    """Return the numbers of the generator tasks that a function can go through."""
    every = [n for n, one in enumerate(functions) if one.returns == "items"]
    return [n for n in every if is_async or not functions[n].is_async]


@st.composite
def arguments(draw: st.DrawFn, steps: list[Step], is_root: bool) -> Argument:
    """Draw an argument: a constant, the enclosing function's own, or an earlier result."""
    kinds: list[str] = ["constant", "constant"] + ([] if is_root else ["given"])
    earlier = [number for number, step in enumerate(steps) if not isinstance(step, Extra)]
    kinds += ["earlier", "earlier"] if earlier else []
    kind = draw(st.sampled_from(kinds))
    inner: Constant | Earlier | Given = Given()
    if kind == "constant":
        kinds = [*sorted(CONSTANTS), "number", "number", "number"]
        inner = Constant(draw(st.sampled_from(kinds)), draw(st.integers(0, 2)))
    elif kind == "earlier":
        inner = Earlier(draw(st.sampled_from(earlier)))
    container = draw(st.sampled_from([None, None, None, *sorted(CONTAINERS)]))
    return Wrapped(container, inner) if container else inner
