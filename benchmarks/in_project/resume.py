"""Times retried runs: `resume PACKAGE prepare SIZE …`, then `resume PACKAGE retry RUN …`.

The last task's result is not kept, so that the same run can be retried again and again with all of
its other tasks done. The run that it is compared with has this one task alone.
"""

from __future__ import annotations

import json
import sys
import time

import prefect_durable

from benchmarks.in_project.engine import completed, created, executed, warm_up

WORK = 1.0
"""Seconds that the task takes which is left to do."""
broken = False


@prefect_durable.task
def small(number: int) -> int:
    """Do next to nothing."""
    return number


@prefect_durable.task(persist_result=False)
def work() -> None:
    """Do the work that fails at first."""
    if broken:
        raise ConnectionError("for once")
    time.sleep(WORK)


@prefect_durable.flow
def many(size: int) -> None:
    """Do small things, then the work."""
    for number in range(size - 1):
        small(number)
    work()


def prepare(size: int) -> str:
    """The id of a run that has failed with its last task."""
    global broken
    broken, run_id = True, created(many, size=size)
    if not executed(many, run_id)[0].is_failed():
        raise RuntimeError(f"The run {run_id} did not fail.")
    return run_id


def main() -> None:
    """Print the ids of what was prepared, or the seconds of the task alone and of each retry."""
    what, wanted = sys.argv[2], sys.argv[3:]
    warm_up()
    if what == "prepare":
        print(json.dumps([prepare(int(size)) for size in wanted]))
    else:
        alone = completed(many, created(many, size=1))
        print(json.dumps([alone, *(completed(many, run_id) for run_id in wanted)]))


if __name__ == "__main__":
    main()
