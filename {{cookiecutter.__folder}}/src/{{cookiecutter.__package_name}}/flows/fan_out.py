"""As many items as the data holds, in tasks of a hundred, a few tasks at a time.

Use it for hundreds of items and more. For a dozen, one task each is simpler: submit them all, then
`settle`. A task for each item costs the server more than it can take in from about three thousand on:
it falls behind for minutes, then drops what it is told, and tasks stay Running of a flow that is done.

Each item's outcome is kept, failures included. When items fail the others go on; at the end the flow
fails and names them. A retry does again only the items that failed: batches that succeeded are skipped
whole, and of a batch that failed, the items that were done. Only items that were being done when a
machine was lost, up to a batch for each task in flight, may be done twice.

`IN_FLIGHT` bounds what runs at the same time and what waits in memory, whatever the number of items.

![ten write_invoices tasks, not connected](../../../docs/graphs/fan_out.svg)
"""

from collections import deque
from typing import TypeAlias

from prefect.futures import PrefectFuture
from prefect_durable import ItemsFailed, Outcome, batched, do_each, flow, settle, task

BATCH = 100
IN_FLIGHT = 4

Invoice: TypeAlias = Outcome[int, str]


def write_invoice(order: int) -> str:
    """Return the number of the invoice of an order."""
    if order < 0:
        raise ValueError("There is no such order.")
    return f"INV-{order:06}"


@task
def write_invoices(orders: list[int]) -> list[Invoice]:
    """Write the invoices of a batch of orders."""
    return do_each(write_invoice, orders)


@flow(name="fan-out")
def fan_out(orders: int = 1_000) -> list[Invoice]:
    """Write the invoice of every order and return what became of each."""
    in_flight: deque[PrefectFuture[list[Invoice]]] = deque()
    outcomes: list[Invoice] = []
    for batch in batched(range(1, orders + 1), BATCH):
        if len(in_flight) == IN_FLIGHT:
            outcomes += collect(in_flight.popleft())
        in_flight.append(write_invoices.submit(batch))
    for future in in_flight:
        outcomes += collect(future)
    if any(outcome.error for outcome in outcomes):
        raise ItemsFailed(outcomes)
    return outcomes


def collect(future: PrefectFuture[list[Invoice]]) -> list[Invoice]:
    """Return the outcomes of a batch, whether items of it failed or not."""
    try:
        settle([future])
    except ItemsFailed as failure:
        return failure.outcomes
    return future.result()
