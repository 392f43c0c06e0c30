"""The configuration with which a worker of the project's pool would start a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from prefect import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.workers.base import BaseJobConfiguration

from .bootstrap import apply_pool, base_job_template
from .project import Project, read_project


@contextmanager
def work_pool() -> Iterator[Project]:
    """Have the server know the project's work pool for a while."""
    project = read_project()
    with get_client(sync_client=True) as client:
        apply_pool(client, project, base_job_template())
        try:
            yield project
        finally:
            client.delete_work_pool(project.pool)


async def resolved(
    kind: type[BaseJobConfiguration], pool: str, variables: dict[str, Any]
) -> tuple[FlowRun, Any]:
    """Return a run of a deployment with these job variables, and its configuration."""
    async with get_client() as client:
        deployment = await client.create_deployment(
            flow_id=await client.create_flow_from_name("a-flow"),
            name=str(uuid4()),
            work_pool_name=pool,
            job_variables=variables,
        )
        run = await client.create_flow_run_from_deployment(deployment)
        found = await kind.resolve_for_flow_run(
            run, client=client, work_pool=await client.read_work_pool(pool), worker_name="worker"
        )
    return run, found
