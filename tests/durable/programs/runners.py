"""Task runners of random programs whose tasks other processes execute.

These processes are forked from one that has imported Prefect, as each would take seconds to do so.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
from multiprocessing import forkserver
from threading import Thread
from typing import Any

from tests.durable.programs import executed
from tests.durable.programs.attempt import Attempt, Told

PROCESSES = 2
THREADS_OF_DASK = 32
"""A task that waits for one that it has submitted keeps its thread, so Dask needs several."""

MODULES = {
    "processes": ["prefect.task_runners", "prefect.task_engine"],
    "delay": ["tests.durable.programs.background"],
    "dask": ["prefect_dask", "distributed.nanny", "prefect.task_engine"],
}
"""The runners other than threads, and what their processes import; `delay` is a task worker."""

FORKED_BY_DASK = {"distributed.worker.multiprocessing-method": "forkserver"}


def runner(kind: str) -> Any:
    """Return a task runner of a kind."""
    if kind == "processes":
        from prefect.task_runners import ProcessPoolTaskRunner

        told = executed.now.told.to_json()
        return ProcessPoolTaskRunner(PROCESSES, initializer=take_part, initargs=(told,))
    import dask
    from prefect_dask import DaskTaskRunner

    dask.config.set(FORKED_BY_DASK)
    told = f"from {__name__} import take_part\ntake_part({executed.now.told.to_json()!r})\n"
    return DaskTaskRunner(
        cluster_kwargs={
            "n_workers": 1,
            "threads_per_worker": THREADS_OF_DASK,
            "dashboard_address": None,
            "preload": told,
        }
    )


def attend(told: str) -> None:
    """Take part in an execution in this process."""
    executed.now = Attempt(Told.from_json(told))
    use_what_is_imported()


def take_part(told: str) -> None:
    """Take part in an execution in a process of a pool, until that of its flow has ended."""
    attend(told)
    output = os.open(f"{executed.now.told.log}.output", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def import_for(kind: str, *more: str) -> None:
    """Start the process that all others are forked from."""
    modules = [__name__, *MODULES[kind], *more]
    for module in modules:
        importlib.import_module(module)
    if kind == "delay":
        return
    multiprocessing.set_forkserver_preload(modules)
    forkserver.ensure_running()


def use_what_is_imported() -> None:
    """Fork from the process that has been started, be it that this one is a child."""
    started: Any = forkserver._forkserver
    if started._forkserver_address is None:
        return
    started.ensure_running = lambda: None
    made: Any = multiprocessing.get_context
    if made.__name__ != "forked":

        def forked(method: str | None = None) -> Any:
            return made("forkserver" if method == "spawn" else method)

        multiprocessing.get_context = forked
