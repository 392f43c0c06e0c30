"""One lab and one server for all tests; a failing test shows its machines' journals."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import closing

import pytest

from tests.hosts.control.secrets import secrets_of
from tests.hosts.control.server import now
from tests.hosts.control.site import Site
from tests.hosts.control.story import Workers
from tests.hosts.machines.container import Container
from tests.hosts.machines.lab import Lab

LAB = pytest.StashKey[Lab]()
# Before which file a long one is begun.
LONG = {"test_workloads.py": "test_07"}


@pytest.fixture(scope="session")
def lab(pytestconfig: pytest.Config) -> Iterator[Lab]:
    """The machines' network; all of it goes when the tests end."""
    with closing(Lab()) as made:
        pytestconfig.stash[LAB] = made
        yield made


@pytest.fixture(scope="session")
def site(lab: Lab) -> Site:
    """The lab with a server and a project."""
    return Site(lab)


@pytest.fixture(scope="session")
def workers(site: Site) -> Workers:
    """Machines that are workers already."""
    return Workers(site)


@pytest.fixture
def secrets(site: Site) -> list[str]:
    """All that must not be seen."""
    return secrets_of(site)


@pytest.fixture(scope="module", autouse=True)
def no_machine_is_left(lab: Lab) -> Iterator[None]:
    """Leave no worker of a test that failed, which would take the runs of those to come."""
    yield
    for host in lab.hosts:
        host.kill()


@pytest.fixture(scope="module")
def host(site: Site, workers: Workers, request: pytest.FixtureRequest) -> Iterator[Container]:
    """A copy of a machine that is a worker already, Debian 13 unless asked, its worker ONLINE."""
    suite = getattr(request, "param", "trixie")
    name = re.sub(r"^.*test_(\d\d_)?", "", request.module.__name__).replace("_", "-")
    copy = site.lab.container(suite, f"{name}-{suite}", workers.layers(suite))
    started = now()
    copy.start()
    copy.wait()
    site.online("shop-reports@worker", started)
    yield copy
    copy.kill()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin early with what takes longest, or one process waits for the other at the end."""
    items.sort(key=lambda item: LONG.get(item.path.name, item.path.name))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the journals of the running machines to a failure."""
    report = yield
    if report.failed and (lab := item.config.stash.get(LAB, None)):
        for host in lab.hosts:
            if host.running:
                report.sections.append((f"journal of {host.name}", host.journal()))
    return report
