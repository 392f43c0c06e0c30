"""Order without data: `wait_for` holds a task back until others have succeeded.

Use it when a task depends on what another one did (a backup, a table, a file on a share), not on what
it returned. Where there is a result to pass on, pass it (`passing_data`): the order follows by itself.

When the awaited task fails, the waiting ones do not run: `settle` closes them as `NotRun` and the flow
fails with the cause. A task that must run all the same, as `report_disk` here, waits with
`allow_failure`. Try it: run the flow with `free_gb=5`.

`wait_for` is no part of a task's cache key: what a task waits for does not make it run again.

![prune_orders waits for back_up, rebuild_index for prune_orders, report_disk for both](../../../docs/graphs/wait_for.svg)
"""

from prefect import allow_failure
from prefect_durable import flow, settle, task

BACKUP_GB = 20


@task
def back_up(free_gb: int) -> None:
    """Copy the orders to the backup disk."""
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
