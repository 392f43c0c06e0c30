"""Workers with nothing to do: `workers POOL COUNT`, until it is stopped.

They are Prefect's own, all in one process. With `workers POOL COUNT RUNS SECONDS` there is beside
each what the role's timer asks so often: the module `check` in the folder RUNS.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import random
import sys
from collections.abc import Awaitable

from prefect.workers.process import ProcessWorker

# Seconds between the starts of two workers.
APART = 0.2


async def main() -> None:
    """Run them all."""
    pool, count = sys.argv[1], int(sys.argv[2])
    work: list[Awaitable[None]] = [_work(pool, number) for number in range(count)]
    if sys.argv[3:]:
        runs, seconds = sys.argv[3], float(sys.argv[4])
        sys.path.append(runs)
        # What the role writes into a worker's environment.
        os.environ |= {"RUN_POOL": pool, "RUN_WORKER": pool, "RUN_UNIT": pool}
        os.environ |= {"RUN_RECORDS": "records", "RUN_GROUPS": "groups"}
        work += [_check(seconds) for _ in range(count)]
    await asyncio.gather(*work)


async def _work(pool: str, number: int) -> None:
    await asyncio.sleep(number * APART)
    worker = ProcessWorker(work_pool_name=pool, name=f"{pool}-{number}")
    await worker.start(printer=_say_nothing)


async def _check(seconds: float) -> None:
    check = importlib.import_module("check")
    # Machines were not all started at the same moment.
    await asyncio.sleep(random.uniform(0, seconds))
    while True:
        await asyncio.to_thread(check.main)
        await asyncio.sleep(seconds)


def _say_nothing(*words: object) -> None:
    pass


if __name__ == "__main__":
    asyncio.run(main())
