"""Make tasks in a loop, each after the one before. See docs/patterns.md."""

from typing import TypeAlias

from prefect.futures import PrefectFuture
from prefect_durable import flow, settle, task

Step: TypeAlias = PrefectFuture[str]

FIRST_QUARTER = ("January", "February", "March")


@task
def archive_month(month: str) -> str:
    return f"{month} archived"


@task
def open_books(year: int) -> str:
    return f"books of {year} open"


@task
def close_month(month: str) -> str:
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
