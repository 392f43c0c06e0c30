"""Spread work over all machines of the pool: a run for each part. See docs/patterns.md."""

import asyncio

from prefect.client.schemas.objects import FlowRun
from prefect_durable import arun_deployment, flow, settle, task

PART = "count-stock/count_stock"
IN_FLIGHT = 10


@task
def count_shelves(shop: str) -> int:
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
