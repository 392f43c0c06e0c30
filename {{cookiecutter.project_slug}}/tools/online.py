"""Refuse child runs that no worker would start: a flow that waits for one would not end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from unittest.mock import patch
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, WorkerStatus
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect_durable import deployments
from prefect_durable.children import Child


class NoWorkerError(Exception):
    """No worker is there to start a run that a flow would wait for."""


@contextmanager
def children_need_workers() -> Iterator[None]:
    """Raise NoWorkerError in a flow that is to wait for a child run, before there is one."""
    with patch.object(deployments, "Child", _ChildOfWorkers):
        yield


class _ChildOfWorkers(Child):
    def _start(self) -> FlowRun:
        if self._given["timeout"] != 0 and not self._given["scheduled_time"]:
            # What the API does not have is told by the start itself.
            with suppress(ObjectNotFound):
                self._need_worker()
        return super()._start()

    def _need_worker(self) -> None:
        pool = self._deployment().work_pool_name
        if pool is None or not self._has_workers(pool):
            return
        workers = self._client.read_workers_for_work_pool(pool)
        if not any(worker.status is WorkerStatus.ONLINE for worker in workers):
            name = str(self._given["name"])
            raise NoWorkerError(f"No worker of the work pool {pool!r} is online to run {name!r}")

    def _deployment(self) -> DeploymentResponse:
        name = str(self._given["name"])
        try:
            return self._client.read_deployment(UUID(name))
        except ValueError:
            return self._client.read_deployment_by_name(name)

    def _has_workers(self, pool: str) -> bool:
        """Say whether runs are started by workers, and not by the API itself."""
        found = self._client.read_work_pool(pool)
        return not (found.is_push_pool or found.is_managed_pool)
