"""A flow that runs each function of some modules as a task of its own."""

from __future__ import annotations

import importlib
import inspect
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect import State, flow, runtime, task


@flow
def workloads(groups: list[str]) -> list[State[str]]:
    """Run the functions of the modules `groups`, and write their results down for the host."""
    states = {group: _ended(group) for group in groups}
    results = {
        group: {name: str(state.result(raise_on_failure=False)) for name, state in ended.items()}
        for group, ended in states.items()
    }
    folder = Path(os.environ["PREFECT_HOME"], "workloads")
    folder.mkdir(exist_ok=True)
    (folder / f"{runtime.flow_run.id}.json").write_text(json.dumps(results))
    return [state for ended in states.values() for state in ended.values()]


def _ended(group: str) -> dict[str, Any]:
    return {name: task(function)(return_state=True) for name, function in _functions(group)}


def _functions(group: str) -> list[tuple[str, Callable[[], str]]]:
    module = importlib.import_module(f"shop_reports.workloads.{group}")
    return [
        (name, function)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    ]
