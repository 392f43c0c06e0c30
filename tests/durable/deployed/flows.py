"""Parents, and the child that they run by its deployment; each step is noted in a file."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import runtime
from prefect_durable import arun_deployment, flow, run_deployment, settle, task, testing

CHILD = "child/child"
OFTEN = 0.3
"""Seconds between two looks at a child."""


@task
def step(name: str, notes: str) -> str:
    """Note that a step is executed."""
    with Path(notes, str(runtime.flow_run.id)).open("a") as file:
        file.write(f"{name}\n")
    return name


@flow
def child(name: str, notes: str) -> str:
    """Take two steps; `fails` fails between them once."""
    step("first", notes)
    failed = Path(notes, "failed")
    if name == "fails" and not failed.exists():
        failed.touch()
        raise ValueError("The till does not answer.")
    return step("last", notes)


@flow
async def in_coroutines(names: list[str], notes: str) -> None:
    """Run children side by side, in another order in a retry."""
    again = runtime.flow_run.run_count > 1
    calls = [
        arun_deployment(CHILD, parameters={"name": name, "notes": notes}, poll_interval=OFTEN)
        for name in (reversed(names) if again else names)
    ]
    settle(await asyncio.gather(*calls))


@task
def run_child(name: str, notes: str) -> None:
    """Run a child."""
    parameters = {"name": name, "notes": notes}
    settle([run_deployment(CHILD, parameters=parameters, poll_interval=OFTEN)])


@flow
def in_tasks(names: list[str], notes: str) -> None:
    """Run children side by side."""
    settle([run_child.submit(name, notes) for name in names])


PARENTS: dict[str, Any] = {"in_coroutines": in_coroutines, "in_tasks": in_tasks}

if __name__ == "__main__":
    # As a worker does; whoever started this may kill it.
    os.environ["PREFECT__FLOW_RUN_ID"] = sys.argv[2]
    sys.exit(0 if testing.run(PARENTS[sys.argv[1]], UUID(sys.argv[2])).is_completed() else 1)
