"""A work pool with a real worker, and what the API says of the runs in it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.settings import get_current_settings

from tests.durable.deployed import flows

T = TypeVar("T")
ROOT = Path(__file__).parents[3]
FILE = "tests/durable/deployed/flows.py"
WITHIN = 300.0
ENDS_WITHIN = 60.0
"""Seconds in which a few processes start, on a machine that is busy with other things."""


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a process that keeps its results in a folder of its own."""
    return {
        **os.environ,
        "PREFECT_API_URL": str(get_current_settings().api.url),
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_LOCAL_STORAGE_PATH": str(folder / "results"),
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "true",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PYTHONPATH": f"{ROOT}:{ROOT / '{{cookiecutter.project_slug}}/src'}",
    }


@contextmanager
def worker(folder: Path) -> Iterator[None]:
    """Deploy the flows, and run what is asked of them."""
    deploy("pool", {"child": flows.child})
    with running("prefect", "worker", "start", "--pool", "pool", folder=folder):
        yield


@contextmanager
def attempt(parent: str, run: UUID, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a parent in a process of its own."""
    with running("tests.durable.deployed.flows", parent, str(run), folder=folder) as process:
        yield process


@contextmanager
def running(*module: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python module, with its log in a folder."""
    with (folder / "log").open("w") as log:
        command = [sys.executable, "-m", *module]
        process = subprocess.Popen(command, env=environment(folder), stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:  # Prefect's worker does not always end when it is asked
            process.kill()
            process.wait()


def deploy(pool: str, deployed: dict[str, Any]) -> None:
    """Make a pool, and deployments of flows in it."""
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        for name, flow in deployed.items():
            client.create_deployment(
                client.create_flow(flow),
                name=name,
                entrypoint=f"{FILE}:{name}",
                work_pool_name=pool,
                pull_steps=[
                    {"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}
                ],
            )


def children(client: SyncPrefectClient, parent: UUID) -> list[FlowRun]:
    """Return the runs of deployments that a run has started."""
    wanted = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[parent]))
    return client.read_flow_runs(flow_run_filter=wanted)


def states(parent: UUID) -> list[str]:
    """Return the states of a run and of its children, which come in any order."""
    with get_client(sync_client=True) as client:
        runs = [client.read_flow_run(parent), *children(client, parent)]
    first, *others = [run.state.type.value if run.state else "" for run in runs]
    return [first, *sorted(others)]


def steps(notes: Path, runs: list[FlowRun]) -> list[list[str]]:
    """Return what each run has really done."""
    files = [notes / str(run.id) for run in runs]
    return [file.read_text().split() if file.exists() else [] for file in files]


def eventually(question: Callable[[], T], right: T) -> None:
    """Wait until a question has the right answer."""
    deadline = time.monotonic() + WITHIN
    while (answer := question()) != right:
        assert time.monotonic() < deadline, f"{answer} is not {right}"
        time.sleep(0.2)
