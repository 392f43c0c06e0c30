"""Run Prefect's worker of a docker pool with a limit that counts what an earlier life started.

The worker's own count begins at 0, beside the containers that went on while it was restarted.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio.to_thread
from prefect.workers.base import BaseWorker


class Earlier:
    """The containers that ran when the worker was started."""

    def __init__(self, running: Callable[[], set[str]], refused: tuple[type[Exception], ...]):
        """Use `running` to ask the engine, which raises one of `refused` if it does not say."""
        self._running = running
        self._refused = refused
        self._left: set[str] | None = None

    async def count(self) -> int | None:
        """Return how many of them still run; None as long as the engine has never said."""
        if self._left is None or self._left:
            try:
                now = await anyio.to_thread.run_sync(self._running)
            except self._refused as error:
                if self._left is None:
                    print(f"Takes no runs before it knows which containers run: {error}")
            else:
                self._begin(now) if self._left is None else self._left.intersection_update(now)
        return None if self._left is None else len(self._left)

    def _begin(self, now: set[str]) -> None:
        self._left = now
        if now:
            print(f"{len(now)} containers that ran before count in the limit")


def install(earlier: Earlier) -> None:
    """Have the worker take no more runs than its limit leaves beside them."""
    submit = BaseWorker._submit_scheduled_flow_runs

    async def submit_within_limit(worker: Any, flow_run_response: list[Any]) -> Any:
        counted = await earlier.count()
        if counted is None or counted >= worker._limit:
            return []
        worker._limiter.total_tokens = worker._limit - counted
        return await submit(worker, flow_run_response)

    # By name, as its type is a generic one.
    setattr(BaseWorker, submit.__name__, submit_within_limit)


def _look_after_earlier() -> None:
    """Use the modules of the check, which are nobody else's to import afterwards."""
    runs = str(Path(__file__).with_name("runs"))
    sys.path.insert(0, runs)
    import engine
    import own

    sys.path.remove(runs)
    install(Earlier(own.running, (engine.AwayError, engine.RefusedError)))


if __name__ == "__main__":
    _look_after_earlier()
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)
