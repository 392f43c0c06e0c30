"""Run a flow of many tasks: `python mapped.py WAVES NUMBER SECONDS`; it prints state and id."""

from __future__ import annotations

import sys
import time

from prefect import flow, task
from prefect.cache_policies import NO_CACHE


@task(cache_policy=NO_CACHE)
def step(number: int, seconds: float) -> int:
    """Return the number after a while."""
    time.sleep(seconds)
    return number


@flow
def mapped(waves: int, number: int, seconds: float) -> None:
    """Call a task that many times in each wave."""
    for _ in range(waves):
        for future in step.map(range(number), seconds):
            future.result()


if __name__ == "__main__":
    waves, number, seconds = sys.argv[1:]
    run = mapped(int(waves), int(number), float(seconds), return_state=True)
    print(f"\nstate={run.name} run={run.state_details.flow_run_id}")
