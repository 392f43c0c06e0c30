"""A generated project, a real server of its own, and a real worker."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import leftovers
from tests.database import migrated
from tests.ports import free_port
from tests.project.api import Api
from tests.project.baked import Make, bake, clean_environment, maker
from tests.project.in_place import tool
from tests.project.processes import running, wait_until


def pytest_configure(config: pytest.Config) -> None:
    """Have nothing outlive the tests."""
    leftovers.end_with(config)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate a project with the default answers and install it."""
    made = bake(tmp_path_factory.mktemp("project"))
    subprocess.run(["make", "install"], cwd=made, check=True)
    return made


@pytest.fixture(scope="session")
def environment(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment without settings of whoever runs the tests."""
    url = f"http://127.0.0.1:{free_port()}/api"
    return clean_environment(tmp_path_factory.mktemp("home"), url)


@pytest.fixture(scope="session")
def make(project: Path, environment: dict[str, str]) -> Make:
    """Return a function that makes a target of the project."""
    return maker(project, environment)


@pytest.fixture(scope="session")
def api(project: Path, environment: dict[str, str]) -> Iterator[Api]:
    """Start the project's server."""
    server = Api(environment["PREFECT_API_URL"])
    log = project.parent / "server.log"
    migrated(project / ".prefect")
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


@pytest.fixture
def handlers() -> Iterator[None]:
    """Restore the handlers that a tool replaces."""
    before = {number: signal.getsignal(number) for number in tool("processes").ENDINGS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
