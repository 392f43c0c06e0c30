"""Order tasks without data: `wait_for`. See docs/patterns.md."""

from prefect import allow_failure
from prefect_durable import flow, settle, task

BACKUP_GB = 20


@task
def back_up(free_gb: int) -> None:
    if free_gb < BACKUP_GB:
        raise OSError(f"The backup takes {BACKUP_GB} GB and {free_gb} are free.")


@task
def prune_orders() -> None:
    """Delete old orders, which must not happen without a backup."""


@task
def rebuild_index() -> None:
    """Rebuild the index of the orders that are left."""


@task
def report_disk() -> None:
    """Report how full the disk is, whatever happened before."""


@flow(name="wait-for")
def wait_for(free_gb: int = 50) -> None:
    """Prune the orders once they are backed up."""
    backup = back_up.submit(free_gb)
    pruned = prune_orders.submit(wait_for=[backup])
    index = rebuild_index.submit(wait_for=[pruned])
    report = report_disk.submit(wait_for=[allow_failure(backup), allow_failure(pruned)])
    settle([backup, pruned, index, report])
