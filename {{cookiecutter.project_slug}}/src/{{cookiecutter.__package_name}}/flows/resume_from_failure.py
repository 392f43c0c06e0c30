"""Retry a failed run: what succeeded does not run again.

The first attempt fails on purpose. Press Retry on the run's page. See docs/patterns.md.
"""

from prefect.runtime import flow_run
from prefect_durable import flow, settle, task

REGIONS = ("north", "south", "west")


@task
def fetch_orders(region: str) -> list[str]:
    return [f"{region}-{number}" for number in range(1, 4)]


@task
def merge(orders: list[list[str]]) -> list[str]:
    return sorted(order for region in orders for order in region)


@task
def deliver(orders: list[str]) -> int:
    if flow_run.run_count < 2:
        raise ConnectionError("The warehouse does not answer.")
    return len(orders)


@flow(name="resume-from-failure")
def resume_from_failure() -> int:
    """Deliver the orders of all regions to the warehouse."""
    orders = [fetch_orders.submit(region) for region in REGIONS]
    merged = merge.submit(orders)
    delivered = deliver.submit(merged)
    settle([*orders, merged, delivered])
    count: int = delivered.result()
    return count
