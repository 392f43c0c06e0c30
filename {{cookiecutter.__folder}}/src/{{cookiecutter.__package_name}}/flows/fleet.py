"""Spread work over all machines of the pool: a run for each part, a few of them at a time.

Use it for parts that take minutes, or more memory or processors than one machine has. Each part is the run
of a deployment, with {{ {"process": "a process of its own (on a VM, a unit)", "docker": "a container of its own", "kubernetes": "a job of its own", "ecs": "a task of its own"}[cookiecutter.work_pool_type] }}, on any machine whose worker takes it. That costs
seconds: for smaller parts use `fan_out`, for steps in one process `subflows`.

When a part fails or loses its machine, the others go on to their end. Then the flow fails, and is retried
once: parts that completed are not started again, those that still run are waited for, and the others go on
where they were. When the flow is cancelled, so are its parts.

A part's result is `run.state.result()`, if the result storage is one that all machines share. The flow
takes a place in the pool as its parts do: a concurrency limit of 1 leaves none for them.

![three count-stock runs, of one task each, not connected](../../../docs/graphs/fleet.svg)
"""

import asyncio

from prefect.client.schemas.objects import FlowRun
from prefect_durable import arun_deployment, flow, settle, task

PART = "count-stock/count_stock"
IN_FLIGHT = 10


@task
def count_shelves(shop: str) -> int:
    """Return how many items a shop has, which takes its time."""
    return 1_000 * len(shop)


@flow(name="count-stock")
def count_stock(shop: str) -> int:
    """Count what one shop has; this is a part."""
    return count_shelves(shop)


@flow(name="fleet", retries=1)
async def fleet(shops: tuple[str, ...] = ("harbour", "station", "airport")) -> dict[str, str]:
    """Count what every shop has, and return the names of the runs that did."""
    places = asyncio.Semaphore(IN_FLIGHT)

    async def count(shop: str) -> FlowRun:
        async with places:
            return await arun_deployment(PART, parameters={"shop": shop}, poll_interval=2)

    runs = await asyncio.gather(*[count(shop) for shop in shops])
    settle(runs)
    return {shop: run.name for shop, run in zip(shops, runs, strict=True)}
