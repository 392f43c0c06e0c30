"""The job that the worker would make for a run, and what Kubernetes does not know of it."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

from kubernetes_asyncio.client import ApiClient
from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration

from .bootstrap import changes
from .resolved import resolved, work_pool

MISPLACED = [f"spec.template.spec.{name}" for name in ("completions", "parallelism")]
"""Prefect's worker insists on them in a place where Kubernetes knows none."""


def job(**variables: Any) -> dict[str, Any]:
    """Return the job that the worker would make for a run with these job variables."""
    with work_pool() as project:
        kind = KubernetesWorkerJobConfiguration
        _, configuration = asyncio.run(resolved(kind, project.pool, variables))
    made: dict[str, Any] = configuration.job_manifest
    return made


def unknown_to_kubernetes(made: dict[str, Any]) -> list[str]:
    """Return the paths in a job that Kubernetes' own client drops or changes."""
    read = asyncio.run(_as_kubernetes_reads(made))
    return [path for path in changes(made, read) if path not in MISPLACED]


async def _as_kubernetes_reads(made: dict[str, Any]) -> Any:
    async with ApiClient() as client:
        answer = SimpleNamespace(data=json.dumps(made))
        return client.sanitize_for_serialization(client.deserialize(answer, "V1Job"))
