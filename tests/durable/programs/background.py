"""Tasks of random programs that a task worker executes, in this process, outside of any flow."""

from __future__ import annotations

import asyncio
from contextvars import Context
from threading import Thread
from typing import Any

from prefect import get_client
from prefect.client.schemas.objects import TaskRun
from prefect.task_worker import TaskWorker

from tests.durable.programs.executed import value

_served: list[Any] = []


def delay(task: Any, argument: Any) -> Any:
    """Leave a call to a task worker that serves this task after all others; return its future."""
    _served.append(task)
    others = [other for other in _served if other is not task]
    future = task.delay(value(argument))
    with get_client(sync_client=True) as client:
        task_run = client.read_task_run(future.task_run_id)
    # A task worker knows nothing of a flow.
    work = Context().run
    Thread(target=work, args=(_execute, [*others, task], task_run), daemon=True).start()
    return future


def _execute(served: list[Any], task_run: TaskRun) -> None:
    async def execute() -> None:
        await TaskWorker(*served).execute_task_run(task_run)

    asyncio.run(execute())
