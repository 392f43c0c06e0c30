"""Source text of what a function of a random program does."""

from __future__ import annotations

from textwrap import indent

from tests.durable.programs.shape import (
    VARIANTS,
    Argument,
    Call,
    Constant,
    Each,
    Earlier,
    Extra,
    Function,
    Given,
    Loop,
    Map,
    Step,
    Target,
    Together,
    Transaction,
    Wrapped,
)

CONSTANTS = {
    "number": ["1", "2", "3"],
    "text": ["'harbour'", "'station'", "'market'"],
    "set": ["{'harbour', 'station', 'market'}", "{'mill', 'tower', 'bridge'}", "set()"],
    "frozenset": ["frozenset({'harbour', 'station'})", "frozenset({'a', 'b', 'c', 'd'})"],
    "sets in a dict": ["{'tags': {'harbour', 'station', 'mill'}}", "{'tags': {'a', 'b', 'c'}}"],
    "dataclass": ["Order(1)", "Order(2)"],
    "model": ["Shop(content=1)", "Shop(content={'x', 'y', 'z'})"],
    "nothing": ["None"],
    "list": ["[1, 2]", "['a', {'b', 'c', 'd'}]"],
}
"""Arguments as they are written."""

CONTAINERS = {
    "list": "[{0}, 'more']",
    "dict": "{{'one': {0}, 'tags': {{'harbour', 'station', 'mill'}}}}",
    "dataclass": "Order({0})",
    "model": "Shop(content={0})",
}
"""Arguments around another one."""


def body(functions: tuple[Function, ...], function: Function, key: str, x: str) -> str:
    """Return the body of a function."""
    if function.returns == "items":
        pieces = [f"with call({key}, {x}) as this:", "    for number in range(3):"]
        return "\n".join([*pieces, "        yield this.item(number)"])
    lines = [f"with call({key}, {x}) as this:"]
    futures = []
    for number, step in enumerate(function.steps):
        lines.append(indent("\n".join(_step(functions, function, number, step)), "    "))
        if is_future(step):
            futures.append(f"r{number}")
    if function.kind == "flow" and futures:
        runs = [f"*{r}" if _is_several(function, r) else r for r in futures]
        lines.append(f"    settle([{', '.join(runs)}])")
    results = [f"r{n}" for n, step in enumerate(function.steps) if not isinstance(step, Extra)]
    returned = ", ".join([f"{function.returns!r}", *results])
    lines.append(f"    return this.returns({returned})")
    return "\n".join(lines)


def is_future(step: Step) -> bool:
    """Tell whether a step leaves futures behind."""
    return isinstance(step, Map) or (isinstance(step, Call | Loop) and step.how != "direct")


def _is_several(function: Function, name: str) -> bool:
    return not isinstance(function.steps[int(name[1:])], Call)


def _step(
    functions: tuple[Function, ...], function: Function, number: int, step: Step
) -> list[str]:
    """Return the lines of a step."""

    def called(call: Call) -> str:
        return _called(functions, function, call)

    def name(target: Target) -> str:
        return _name(functions, target)

    def argument(given: Argument) -> str:
        return _argument(given)

    r = f"r{number}"
    match step:
        case Call():
            return [f"{r} = {called(step)}"]
        case Map(target, arguments, False):
            return [f"{r} = {name(target)}.map([{', '.join(map(argument, arguments))}])"]
        case Map(target, arguments):
            return [
                f"{r} = []",
                f"for argument in [{', '.join(map(argument, arguments))}]:",
                f"    {r}.append({name(target)}.submit(argument, wait_for={r}[-1:]))",
            ]
        case Loop(target, earlier, how):
            if how == "submit":
                return [
                    f"{r} = [{name(target)}.submit(part) for part in any_order(parts(r{earlier}))]"
                ]
            wait = "await " if functions[target.function].is_async else ""
            return [f"{r} = any_order([{wait}{name(target)}(part) for part in parts(r{earlier})])"]
        case Together(calls, how):
            makers = ", ".join(f"lambda: {called(one).removeprefix('await ')}" for one in calls)
            if how == "gather":
                return [f"{r} = await asyncio.gather(*late([{makers}]))"]
            more = "" if how == "threads" else ", with_context=False"
            return [f"{r} = in_threads([{makers}]{more})"]
        case Transaction(calls):
            made = ", ".join(map(called, calls))
            return ["with transaction():", f"    {r} = [{made}]"]
        case Each(generator, given, target, stop):
            loop = "async for" if functions[generator.function].is_async else "for"
            wait = "await " if functions[target.function].is_async else ""
            lines = [
                f"{r} = []",
                f"{loop} item in {name(generator)}({argument(given)}):",
                f"    {r}.append({wait}{name(target)}(item))",
            ]
            if stop is not None:
                lines += [f"    if len({r}) == {stop}:", "        break"]
            return lines
        case Extra(one):
            return ["if attempt() == 1:", "    with inside('extra'):", f"        {called(one)}"]


def _called(functions: tuple[Function, ...], function: Function, call: Call) -> str:
    """Return a call as an expression."""
    name, argument = _name(functions, call.target), _argument(call.argument)
    if call.how == "delay":
        return f"delay({name}, {argument})"
    if call.how == "submit":
        waits = (
            f", wait_for=[{_earlier_runs(function, call.wait_for)}]"
            if call.wait_for is not None
            else ""
        )
        return f"{name}.submit({argument}{waits})"
    wait = "await " if functions[call.target.function].is_async else ""
    return f"{wait}{name}({argument})"


def _earlier_runs(function: Function, step: int) -> str:
    return f"*r{step}" if _is_several(function, f"r{step}") else f"r{step}"


def _name(functions: tuple[Function, ...], target: Target) -> str:
    """Return the expression of a function that is called."""
    function, variant = functions[target.function], VARIANTS[target.variant]
    if function.in_place:
        return f"make_f{target.function}('{variant}')"
    return f"f{target.function}_{variant}"


def _argument(given: Argument) -> str:
    """Return an argument as an expression."""
    match given:
        case Constant(kind, number):
            return CONSTANTS[kind][number % len(CONSTANTS[kind])]
        case Earlier(step):
            return f"r{step}"
        case Given():
            return "x"
        case Wrapped(kind, inner):
            text = _argument(inner)
            return CONTAINERS[kind].format(f"value({text})" if isinstance(inner, Earlier) else text)
