"""A Prefect server and an S3 server for all tests, a project in between, and what is not run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.results.lab.needs import gaps
from tests.results.lab.programs import Programs, free_port, listens, wait_until
from tests.results.lab.project import BUILD, Api, Project, clean_environment, virtual_environment
from tests.results.lab.seaweed import Seaweed


def pytest_configure() -> None:
    """Refuse gaps where they would go unseen."""
    if os.environ.get("CI") and gaps():
        raise pytest.UsageError(f"Not to be left out in CI: {'; '.join(gaps())}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not run."""
    for gap in gaps():
        terminalreporter.write_line(f"Not run: {gap}")


@pytest.fixture(scope="session")
def programs() -> Iterator[Programs]:
    """Stop at the end whatever the tests have started."""
    started = Programs(BUILD / "logs")
    yield started
    started.stop_all()


@pytest.fixture(scope="session")
def url(programs: Programs) -> str:
    """Start a Prefect server with a database of its own, and return its API's address."""
    home = BUILD / "server"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    port = free_port()
    address = f"http://127.0.0.1:{port}/api"
    environment = clean_environment(home) | {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_UI_API_URL": address,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    python = virtual_environment() / "bin/python"
    start = ["server", "start", "--host", "127.0.0.1", "--port", str(port)]
    programs.start("server", [python, "-m", "prefect", *start], environment)
    wait_until(lambda: listens(port), "Prefect's server does not listen")
    return address


@pytest.fixture(scope="session")
def api(url: str) -> Api:
    """Return the Prefect API."""
    return Api(url)


@pytest.fixture(scope="session")
def seaweed(programs: Programs) -> Seaweed:
    """Start an S3 server."""
    return Seaweed(programs, BUILD / "seaweed")


@pytest.fixture(scope="session")
def s3_project(url: str, seaweed: Seaweed, programs: Programs) -> Project:
    """Bake a project with results in S3, and bring it to the server."""
    project = Project("s3", BUILD / "s3", url, programs, seaweed.settings())
    done = project.bootstrap()
    assert done.returncode == 0, done.stderr
    project.deploy()
    return project
