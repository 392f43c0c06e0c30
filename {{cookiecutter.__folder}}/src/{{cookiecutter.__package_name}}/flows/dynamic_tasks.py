"""Tasks made in a loop, each after the one before: a chain as long as the data asks for.

Use it when the steps are known only at run time and must keep their order. Where they need not keep it,
submit them all at once, and many of them as `fan_out` does: a chain takes as long as all its steps.

The first step of a chain has nothing to wait for. Either say so (`wait_for=[previous] if previous else
[]`), or start from a future that is there already and always wait for it.

When a step fails, those after it do not run, the flow fails with the cause, and a retry goes on from
the step that failed.

![archive_month three times in a row; open_books, then close_month three times in a row](../../../docs/graphs/dynamic_tasks.svg)
"""

from typing import TypeAlias

from prefect.futures import PrefectFuture
from prefect_durable import flow, settle, task

Step: TypeAlias = PrefectFuture[str]

FIRST_QUARTER = ("January", "February", "March")


@task
def archive_month(month: str) -> str:
    """Move the receipts of a month to the archive."""
    return f"{month} archived"


@task
def open_books(year: int) -> str:
    """Open the books of a year."""
    return f"books of {year} open"


@task
def close_month(month: str) -> str:
    """Close a month in the books, for which the one before must be closed."""
    return f"{month} closed"


@flow(name="dynamic-tasks")
def dynamic_tasks(year: int = 2026, months: tuple[str, ...] = FIRST_QUARTER) -> list[str]:
    """Archive and close months in their order, and return what was done."""
    steps = [*archive(months), *close(year, months)]
    settle(steps)
    return [step.result() for step in steps]


def archive(months: tuple[str, ...]) -> list[Step]:
    """Chain tasks with no first future."""
    chain: list[Step] = []
    previous = None
    for month in months:
        previous = archive_month.submit(month, wait_for=[previous] if previous else [])
        chain.append(previous)
    return chain


def close(year: int, months: tuple[str, ...]) -> list[Step]:
    """Chain tasks to an existing future."""
    previous = open_books.submit(year)
    chain: list[Step] = [previous]
    for month in months:
        previous = close_month.submit(month, wait_for=[previous])
        chain.append(previous)
    return chain
