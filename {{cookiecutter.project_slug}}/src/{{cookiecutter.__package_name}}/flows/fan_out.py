"""Process many items in tasks of a hundred, a few tasks at a time. See docs/patterns.md."""

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
