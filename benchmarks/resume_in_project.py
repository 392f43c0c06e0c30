"""Runs in a project's environment: times retried runs and what keeping results costs, as JSON.

`resume_in_project.py PACKAGE`; where results are kept, the environment says.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
from statistics import median
from typing import Any

from prefect import Flow, get_client
from prefect.flow_engine import run_flow
from prefect.states import AwaitingRetry

logging.disable(logging.CRITICAL)
results = importlib.import_module(f"{sys.argv[1]}.results")
SIZES = (10, 100)
REPEATS = 5
WORK = 1.0
"""Seconds that the task takes which fails at first."""
broken = True


@results.task
def small(number: int) -> int:
    """Do next to nothing."""
    return number


@results.task
def work() -> None:
    """Do the work that fails at first."""
    if broken:
        raise ConnectionError("for once")
    time.sleep(WORK)


@results.flow
def many(size: int) -> None:
    """Do small things, then the work."""
    for number in range(size - 1):
        small(number)
    work()


@results.flow
def small_things(size: int) -> None:
    """Do small things that are kept."""
    for number in range(size):
        small(number)


@results.flow(persist_result=False)
def small_things_not_kept(size: int) -> None:
    """Do small things that are not kept."""
    for number in range(size):
        small.with_options(persist_result=False)(number)


def retried(flow: Flow[..., Any], size: int) -> float:
    """Return the seconds that the retry of a run takes."""
    global broken
    broken = True
    run_id = flow(size, return_state=True).state_details.flow_run_id
    broken = False
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run_id, AwaitingRetry(), force=True)
        run = client.read_flow_run(run_id)
    began = time.monotonic()
    assert run_flow(flow, run, run.parameters, return_type="state").is_completed()
    return time.monotonic() - began


def timed(flow: Flow[..., Any], size: int) -> float:
    """Return the seconds that a run takes."""
    began = time.monotonic()
    flow(size)
    return time.monotonic() - began


def main() -> None:
    """Measure in turns, so that what else the machine does falls on all alike."""
    global broken
    broken = False
    many(2)
    alone: list[float] = []
    resumed: dict[int, list[float]] = {size: [] for size in SIZES}
    kept: list[float] = []
    not_kept: list[float] = []
    for _ in range(REPEATS):
        broken = False
        alone.append(timed(many, 1))
        for size in SIZES:
            resumed[size].append(retried(many, size) / alone[-1])
        kept.append(timed(small_things, max(SIZES)))
        not_kept.append(timed(small_things_not_kept, max(SIZES)))
    pairs = zip(kept, not_kept, strict=True)
    print(
        json.dumps(
            {
                "ratios": {size: median(found) for size, found in resumed.items()},
                "milliseconds": median(1000 * (a - b) / max(SIZES) for a, b in pairs),
                "milliseconds_not_kept": median(1000 * b / max(SIZES) for b in not_kept),
            }
        )
    )


if __name__ == "__main__":
    main()
