"""A flow that runs each function of a module as a task of its own."""

from __future__ import annotations

import importlib
import inspect
import json
import os
from pathlib import Path
from typing import Any

import numpy  # noqa: F401 - at the head, so that the release cannot be proved without it
import pandas  # noqa: F401
from prefect import State, flow, runtime, task


@flow
def workloads(group: str) -> list[State[str]]:
    """Run the functions of the module `group`, and write their results down for the host."""
    module = importlib.import_module(f"shop_reports.workloads.{group}")
    functions = [
        function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    ]
    states: dict[str, Any] = {
        function.__name__: task(function)(return_state=True) for function in functions
    }
    results = {name: str(state.result(raise_on_failure=False)) for name, state in states.items()}
    folder = Path(os.environ["PREFECT_HOME"], "workloads")
    folder.mkdir(exist_ok=True)
    (folder / f"{runtime.flow_run.id}.json").write_text(json.dumps(results))
    return list(states.values())
