"""A real engine, a generated project that runs its flows in containers, a server and a worker."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests import leftovers
from tests.docker.lab import base_image
from tests.docker.lab.engine import Engine
from tests.docker.lab.project import ADDRESS, installed
from tests.docker.lab.server import Server
from tests.docker.lab.story import Story
from tests.docker.lab.telling import on_a_machine, told_by
from tests.ports import free_port
from tests.project.api import Api
from tests.project.baked import TEMPLATE, Make, clean_environment, maker
from tests.project.processes import running

BUILD = TEMPLATE / "build/docker"


def pytest_configure(config: pytest.Config) -> None:
    """Have nobody's firewall changed, and nothing outlive the run."""
    if "tap0" not in [name for _, name in socket.if_nameindex()]:
        raise pytest.UsageError("Run these by `make test-docker`, in a network of their own.")
    leftovers.end_with(config)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Start an engine that has nothing but the image to build on."""
    started = Engine(BUILD)
    try:
        started.start()
        base_image.bring(started, BUILD)
        yield started
    finally:
        started.remove()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose runs keep their results on the machine."""
    return installed(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def stories(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    engine: Engine,
    environment: dict[str, str],
) -> Iterator[dict[str, Future[Story]]]:
    """Tell what becomes of workers on machines, all at once: most of the time they wait."""
    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    asked = [test.callspec.params["told"] for test in tests if "told" in test.fixturenames]
    folders = {str(system): tmp_path_factory.mktemp(str(system)) for system in set(asked)}

    def tell(system: str) -> Story:
        machine = on_a_machine(system, folders[system], engine, environment)
        return told_by(system, opened.enter_context(machine))

    with ExitStack() as opened, ThreadPoolExecutor() as beside:
        yield {system: beside.submit(tell, system) for system in folders}


@pytest.fixture(scope="module", params=["trixie", "bookworm"])
def told(request: pytest.FixtureRequest, stories: dict[str, Future[Story]]) -> Story:
    """Return what became of a worker on a machine with this system."""
    return stories[request.param].result()


@pytest.fixture(scope="session")
def environment(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment without settings of whoever runs the tests.

    The API is not at a loopback address, so that containers reach it over the engine's bridge.
    """
    url = f"http://{ADDRESS}:{free_port()}/api"
    clean = clean_environment(tmp_path_factory.mktemp("home"), url)
    return clean | {"DOCKER_HOST": engine.address, "BASE_IMAGE": base_image.NAME}


@pytest.fixture(scope="session")
def make(project: Path, environment: dict[str, str]) -> Make:
    """Return a function that makes a target of the project."""
    return maker(project, environment)


@pytest.fixture(scope="session")
def server(project: Path, environment: dict[str, str]) -> Iterator[Server]:
    """Start a server."""
    with closing(Server(project, environment)) as started:
        started.start()
        yield started


@pytest.fixture(scope="session")
def api(server: Server) -> Api:
    """Return the API of the server."""
    return server.api


@pytest.fixture(scope="session")
def deployed(api: Api, make: Make) -> None:
    """Make the block and the pool, build the image and register the deployments."""
    for target in ("bootstrap", "deploy"):
        done = make(target)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def worker(project: Path, environment: dict[str, str], deployed: None) -> Iterator[Path]:
    """Start a worker, and return its log."""
    log = project.parent / "worker.log"
    with running("make", "worker", cwd=project, env=environment, log=log):
        yield log
