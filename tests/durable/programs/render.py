"""Source text of random programs."""

from __future__ import annotations

from collections.abc import Iterator

from tests.durable.programs.definitions import Definition
from tests.durable.programs.shape import (
    VARIANTS,
    Call,
    Each,
    Extra,
    Function,
    Loop,
    Map,
    Program,
    Step,
    Target,
    Together,
    Transaction,
)

DIALECTS = {
    "plain": "from tests.durable.programs.plain import NO_CACHE, flow, settle, task, transaction",
    "durable": """\
from prefect.cache_policies import NO_CACHE
from prefect.transactions import transaction
from prefect_durable import flow, settle, task""",
    "stock": """\
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.transactions import transaction
from tests.durable.programs.stock import settle""",
}
"""Where a program has `flow` and `task` from."""

RUNNERS = {
    "plain": "from tests.durable.programs.plain import delay, runner",
    "delay": "from tests.durable.programs.background import delay",
}
OTHER_RUNNER = "from tests.durable.programs.runners import runner"
"""Where a program has task runners from that are not those of threads."""

HELPERS = """\
from tests.durable.programs.executed import (
    any_order, attempt, call, in_threads, inside, late, parts, value,
)
from tests.durable.programs.values import Order, Shop"""


def source(program: Program, dialect: str) -> dict[str, str]:
    """Return the files of a program; `program.py` has the flow `root`."""
    files: dict[str, str] = {}
    head = ["from __future__ import annotations"] if program.postponed else []
    head += ["import asyncio", "from functools import partial, wraps", DIALECTS[dialect], HELPERS]
    functions, used = program.functions, _used(program.functions)
    if (runner := functions[-1].runner) != "threads":
        head.append(RUNNERS.get(dialect) or RUNNERS.get(runner, OTHER_RUNNER))
    blocks = ["\n".join([*head, *_imports(functions, used)])]
    for number in sorted(used):
        if functions[number].shape == "global":
            files |= _modules(functions, number, used[number], "\n".join(head))
        else:
            blocks.append(Definition(functions, number, used[number]).text())
    blocks.append(Definition(functions, len(functions) - 1).one("root", "'root'", ""))
    files["program.py"] = "\n\n\n".join(blocks) + "\n"
    return files


def _used(functions: tuple[Function, ...]) -> dict[int, str]:
    """Return the numbers of the functions that the last one reaches, with the variants called."""
    used: dict[int, set[str]] = {}
    reached = [len(functions) - 1]
    while reached:
        for target in _targets(functions[reached.pop()].steps):
            if target.function not in used:
                reached.append(target.function)
            used.setdefault(target.function, set()).add(VARIANTS[target.variant])
    return {number: "".join(sorted(variants)) for number, variants in used.items()}


def _targets(steps: tuple[Step, ...]) -> Iterator[Target]:
    """Yield what steps call."""
    for step in steps:
        match step:
            case Call() | Map() | Loop():
                yield step.target
            case Each():
                yield from (step.generator, step.target)
            case Extra():
                yield step.call.target
            case Together() | Transaction():
                yield from (call.target for call in step.calls)


def _imports(functions: tuple[Function, ...], used: dict[int, str]) -> Iterator[str]:
    """Yield imports of functions that are in modules of their own."""
    for number in sorted(used):
        if functions[number].shape == "global":
            for variant in used[number]:
                yield f"from steps_{number}_{variant} import load as f{number}_{variant}"


def _modules(functions: tuple[Function, ...], number: int, used: str, head: str) -> dict[str, str]:
    """Return modules with equal functions that refer to something else of the same name."""
    text = Definition(functions, number).one("load", f"f'f{number}-{{TAG}}'")
    return {
        f"steps_{number}_{variant}.py": f"{head}\n\nTAG = {variant!r}\n\n\n{text}\n"
        for variant in used
    }
