"""Containers are beside the worker and not below it, so its end is not theirs."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.docker.lab.engine import Engine
from tests.leftovers import processes
from tests.project.api import Api
from tests.project.processes import wait_until

# Has the name of a worker in the environment of all its processes.
OF_WORKER = "OF_WORKER"


@pytest.fixture
def worker(
    project: Path, environment: dict[str, str], deployed: None, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a worker that the test may end."""
    with (tmp_path / "worker.log").open("wb") as log:
        started = subprocess.Popen(
            ["make", "worker"],
            cwd=project,
            env={**environment, OF_WORKER: str(tmp_path)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    yield started
    _kill(tmp_path)
    started.wait()


def _kill(name: Path) -> None:
    """Kill all processes of a worker, also where `make` is gone, and what it started goes on."""
    for process in processes(str(name), OF_WORKER):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_outlives_its_worker(
    worker: subprocess.Popen[bytes], tmp_path: Path, api: Api, engine: Engine, ending: int
) -> None:
    """Whether the worker is stopped or killed, the run goes on and is COMPLETED."""
    run_id = api.start("demand", seconds=20)
    wait_until(lambda: api.state(run_id) == "RUNNING", "a run that runs")
    _kill(tmp_path) if ending == signal.SIGKILL else os.killpg(worker.pid, ending)
    worker.wait(timeout=240)
    wait_until(lambda: not processes(str(tmp_path), OF_WORKER), "the end of the worker")
    assert len(engine.containers(f"--filter=label=io.prefect.flow-run-id={run_id}")) == 1
    assert api.ended(run_id) == "COMPLETED"


def test_a_cancelled_run_is_stopped(
    worker: subprocess.Popen[bytes], api: Api, engine: Engine
) -> None:
    run_id = api.start("demand", seconds=600)
    wait_until(lambda: api.state(run_id) == "RUNNING", "a run that runs")
    api.request("POST", f"/flow_runs/{run_id}/set_state", {"state": {"type": "CANCELLING"}})
    assert api.ended(run_id) == "CANCELLED"
    wait_until(lambda: engine.containers() == [], "the end of its container")
