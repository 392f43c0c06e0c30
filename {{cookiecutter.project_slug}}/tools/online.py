"""Refuse child runs that no worker would start: a flow that waits for one would not end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import WorkerStatus
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect_durable.child_start import before_start


class NoWorkerError(Exception):
    """No worker is there to start a run that a flow would wait for."""


@contextmanager
def children_need_workers() -> Iterator[None]:
    """Raise NoWorkerError in a flow that is to wait for a child run, before there is one."""
    token = before_start.set(_need_worker_for)
    try:
        yield
    finally:
        before_start.reset(token)


def _need_worker_for(client: SyncPrefectClient, given: dict[str, Any]) -> None:
    if given["timeout"] == 0 or given["scheduled_time"]:
        return
    # What the API does not have is told by the start itself.
    with suppress(ObjectNotFound):
        _need_worker(client, str(given["name"]))


def _need_worker(client: SyncPrefectClient, name: str) -> None:
    pool = _deployment(client, name).work_pool_name
    if pool is None or not _has_workers(client, pool):
        return
    workers = client.read_workers_for_work_pool(pool)
    if not any(worker.status is WorkerStatus.ONLINE for worker in workers):
        raise NoWorkerError(f"No worker of the work pool {pool!r} is online to run {name!r}")


def _deployment(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    try:
        return client.read_deployment(UUID(name))
    except ValueError:
        return client.read_deployment_by_name(name)


def _has_workers(client: SyncPrefectClient, pool: str) -> bool:
    """Say whether runs are started by workers, and not by the API itself."""
    found = client.read_work_pool(pool)
    return not (found.is_push_pool or found.is_managed_pool)
