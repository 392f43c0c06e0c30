"""Retry a failed run, and what succeeded is not done again.

Use it for everything that takes long, costs money or must not happen twice. It needs nothing in the
flow but the project's own `flow` and `task`: results are kept (`prefect.toml`), and a retry finds them,
on another machine too if the storage is shared.

What a task returns is kept, so it must be something that can be pickled; a task that cannot keep it
fails. One with side effects that dies half-way runs again from its beginning. Changed code or arguments
run again: do not pass the time of day.

Try it: run the flow, which fails as long as there is no folder `outbox`; make that folder; press Retry.

![fetch_orders for each region feeds merge, and merge feeds deliver](../../../docs/graphs/resume_from_failure.svg)
"""

from pathlib import Path

from prefect_durable import flow, settle, task

REGIONS = ("north", "south", "west")


@task
def fetch_orders(region: str) -> list[str]:
    """Fetch the orders of a region, which takes its time."""
    return [f"{region}-{number}" for number in range(1, 4)]


@task
def merge(orders: list[list[str]]) -> list[str]:
    """Bring the orders of all regions into one list."""
    return sorted(order for region in orders for order in region)


@task
def deliver(orders: list[str], outbox: Path) -> Path:
    """Write the orders where the warehouse fetches them.

    Raises:
        FileNotFoundError: the warehouse's folder is not there.
    """
    delivery = outbox / "orders.csv"
    delivery.write_text("\n".join(orders) + "\n")
    return delivery


@flow(name="resume-from-failure")
def resume_from_failure(outbox: Path = Path("outbox")) -> Path:
    """Deliver the orders of all regions to the warehouse, and return where they are."""
    orders = [fetch_orders.submit(region) for region in REGIONS]
    merged = merge.submit(orders)
    delivery = deliver.submit(merged, outbox)
    settle([*orders, merged, delivery])
    delivered: Path = delivery.result()
    return delivered
