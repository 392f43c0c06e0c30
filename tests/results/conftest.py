"""A Prefect server and an S3 server for all tests, a project in between, and what is not run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import leftovers
from tests.results.lab.needs import gaps
from tests.results.lab.programs import Programs
from tests.results.lab.project import PLACE, Api, Project
from tests.results.lab.seaweed import Seaweed
from tests.results.lab.server import Server


def pytest_configure(config: pytest.Config) -> None:
    """Refuse gaps where they would go unseen, and have nothing outlive the tests."""
    leftovers.end_with(config)
    if os.environ.get("CI") and gaps():
        raise pytest.UsageError(f"Not to be left out in CI: {'; '.join(gaps())}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not run."""
    for gap in gaps():
        terminalreporter.write_line(f"Not run: {gap}")


@pytest.fixture(scope="session")
def programs() -> Iterator[Programs]:
    """Stop at the end whatever the tests have started."""
    started = Programs(PLACE / "logs")
    yield started
    started.stop_all()


@pytest.fixture(scope="session")
def url(programs: Programs) -> str:
    """Start a Prefect server with a database of its own, and return its API's address."""
    return Server(programs, "server").url


@pytest.fixture(scope="session")
def api(url: str) -> Api:
    """Return the Prefect API."""
    return Api(url)


@pytest.fixture(scope="session")
def seaweed(programs: Programs) -> Seaweed:
    """Start an S3 server."""
    return Seaweed(programs, PLACE / "seaweed")


@pytest.fixture(scope="session")
def s3_project(url: str, seaweed: Seaweed, programs: Programs) -> Project:
    """Bake a project with results in S3, and bring it to the server."""
    project = Project("s3", PLACE / "s3", url, programs, seaweed.settings())
    done = project.bootstrap()
    assert done.returncode == 0, done.stderr
    project.deploy()
    return project
