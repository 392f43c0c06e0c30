"""A real engine, a generated project that runs its flows in containers, a server and a worker."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.docker.lab import base_image
from tests.docker.lab.engine import Engine
from tests.docker.lab.machine import adapt, address, machine
from tests.docker.lab.server import Server
from tests.docker.lab.story import Story
from tests.hosts.control.project import Project
from tests.hosts.machines.lab import Lab
from tests.ports import free_port
from tests.project.api import Api
from tests.project.baked import TEMPLATE, Make, bake, clean_environment, maker
from tests.project.processes import running
from tests.results.lab.programs import Programs
from tests.results.lab.seaweed import Seaweed

BUILD = TEMPLATE / "build/docker"
LAB = Path(__file__).with_name("lab")
# By the module of flows that the tests add.
FLOWS = {"demand": ["demand"], "again": ["again", "again_retries"]}
CERTIFICATES = Path("/usr/local/share/ca-certificates")
"""Where this machine has those of its own network, if packages come through one."""
ADDRESS = "10.77.0.100"
"""What slirp4netns gives to the network that `own-network` makes.

Podman 4's own network of containers is 10.0.2.0/24, so what is at such an address is out of reach.
"""


def pytest_configure() -> None:
    """Have nobody's firewall changed."""
    if "tap0" not in [name for _, name in socket.if_nameindex()]:
        raise pytest.UsageError("Run these by `make test-docker`, in a network of their own.")


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


@pytest.fixture(scope="module", params=["trixie", "bookworm"])
def told(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    server: Server,
    engine: Engine,
    environment: dict[str, str],
) -> Iterator[Story]:
    """Tell what becomes of a worker on a machine, with a project whose results are in S3."""
    folder = tmp_path_factory.mktemp("vm")
    # In a pool that the laptop's worker does not serve.
    project = installed(folder, "result_storage=s3", "work_pool_name=machines")
    adapt(project)
    programs = Programs(folder / "logs")
    with closing(Lab()) as lab:
        try:
            store = Seaweed(programs, folder / "seaweed", ADDRESS)
            settings = {**store.settings(), "RESULTS_STORE_CREDENTIALS": "true"}
            make = maker(project, {**environment, **settings})
            done = make("bootstrap")
            assert done.returncode == 0, done.stdout + done.stderr
            host = machine(lab, request.param)
            story = Story(
                host=host,
                server=server,
                make=make,
                project=Project(project),
                engine=engine,
                address=address(lab, host),
                objects=lambda: store.kept("shop-reports"),
            )
            try:
                story.tell() if request.param == "trixie" else story.tell_in_short()
            except BaseException:
                print(host.journal(400))
                raise
            yield story
        finally:
            programs.stop_all()


def installed(folder: Path, *answers: str) -> Path:
    """Generate a project, add flows of the tests' own as its owner would, and install it."""
    made = bake(folder, "work_pool_type=docker", *answers)
    with (made / "prefect.yaml").open("a") as deployments:
        for module, flows in FLOWS.items():
            path = f"src/shop_reports/flows/{module}.py"
            shutil.copy(LAB / f"{module}.py.in", made / path)
            for flow in flows:
                entry = f"  - name: {flow}\n    entrypoint: {path}:{flow}\n"
                deployments.write(f"{entry}    work_pool: *work_pool\n")
    for certificate in CERTIFICATES.glob("*.crt"):
        shutil.copy(certificate, made / "certificates")
    subprocess.run(["make", "install"], cwd=made, check=True)
    return made


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
