"""The flow that proves a worker: every flow of the project imports where its runs will be."""

from __future__ import annotations

import os
from pathlib import Path

from prefect import flow, get_run_logger, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.flows import load_flow_from_entrypoint

PROJECT = Path(os.environ.get("PROJECT_DIR", "."))
HOME = os.environ.get("PREFECT_HOME")


@task(cache_policy=NO_CACHE)
def import_flow(entrypoint: str) -> str:
    """Import one flow of the project."""
    return load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False).name


@flow(name="prefect-worker-smoke-test")
def smoke(entrypoints: list[str]) -> list[str]:
    """Import all flows, and leave a mark that only a run on this machine can leave."""
    os.chdir(PROJECT)
    names = [import_flow(entrypoint) for entrypoint in entrypoints]
    get_run_logger().info("Flows of the project: %s", ", ".join(names) or "none")
    # A container has no home of Prefect's; there the engine knows of the run.
    if HOME:
        mark = Path(HOME, "smoke-tests", str(runtime.flow_run.id))
        mark.parent.mkdir(exist_ok=True)
        mark.touch()
    return names
