"""A generated project, a real server of its own, and a real worker."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.project.api import Api
from tests.project.processes import free_port, running, wait_until

TEMPLATE = str(Path(__file__).parents[2])
Make = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate a project with the default answers and install it."""
    folder = tmp_path_factory.mktemp("project")
    bake = [
        sys.executable,
        "-m",
        "cookiecutter",
        "--no-input",
        "--output-dir",
        str(folder),
        TEMPLATE,
    ]
    subprocess.run(bake, check=True)
    subprocess.run(["make", "install"], cwd=folder / "shop-reports", check=True)
    return folder / "shop-reports"


@pytest.fixture(scope="session")
def environment(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment without settings of whoever runs the tests."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {
        **clean,
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "NO_PROXY": "127.0.0.1",
    }


@pytest.fixture(scope="session")
def make(project: Path, environment: dict[str, str]) -> Make:
    """Return a function that makes a target of the project."""

    def run(target: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--silent", target],
            cwd=project,
            env={**environment, **more},
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture(scope="session")
def api(project: Path, environment: dict[str, str]) -> Iterator[Api]:
    """Start the project's server."""
    server = Api(environment["PREFECT_API_URL"])
    log = project.parent / "server.log"
    with running("make", "server", cwd=project, env=environment, log=log):
        wait_until(server.healthy, "an answer of the server")
        yield server


@pytest.fixture(scope="session")
def worker(project: Path, environment: dict[str, str], api: Api, make: Make) -> Iterator[None]:
    """Make the block and the pool, register the deployments and start a worker."""
    assert make("bootstrap").returncode == 0
    deployed = make("deploy")
    assert deployed.returncode == 0, deployed.stderr
    log = project.parent / "worker.log"
    with running("make", "worker", cwd=project, env=environment, log=log):
        yield
