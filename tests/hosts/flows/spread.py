"""A flow that runs children on whichever machines take them; each child is held."""

from __future__ import annotations

import asyncio

from prefect_durable import arun_deployment, flow, settle

CHILDREN = 7


@flow(retries=1)
async def spread() -> None:
    """Run children side by side."""
    held = {"how": "wait"}
    calls = [
        arun_deployment("faults/faults", parameters=held, poll_interval=1) for _ in range(CHILDREN)
    ]
    settle(await asyncio.gather(*calls))
