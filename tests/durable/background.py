"""Tasks of one name that a task worker executes: `serve` them, or ask for each of them once."""

import json
import sys
from collections.abc import Callable
from typing import Any

from prefect.cache_policies import NO_CACHE
from prefect.task_worker import serve
from prefect_durable import task

ENDS_WITHIN = 120.0
"""Seconds within which a task worker has started and executed a task, on a busy machine."""


def make(shop: str) -> Callable[[], str]:
    """Return a task that loads what a shop has sold."""

    @task
    def load() -> str:
        return shop

    return load


@task(cache_policy=NO_CACHE)
def count() -> int:
    """Return what is not kept, and yet is asked for."""
    return 2


tasks: list[Any] = [make("harbour"), make("mill"), count]

if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve(*tasks)
    else:
        futures = [load.delay() for load in tasks]
        print(json.dumps([future.result(timeout=ENDS_WITHIN) for future in futures]))
