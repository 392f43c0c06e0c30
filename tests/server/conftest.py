"""One machine, made a server once; what the tests see of it is in its story."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.hosts.machines.lab import Lab
from tests.server.provision import Make, provisioned_first
from tests.server.story import Story, tell


@pytest.fixture(scope="session")
def story() -> Iterator[Story]:
    """What happened on the way from a bare Debian 13 to a server that is played twice."""
    with closing(Lab()) as lab:
        yield tell(lab)


@pytest.fixture(scope="session")
def provision(story: Story) -> Make:
    """Return what makes targets in the project."""
    return Make(story)


@pytest.fixture(scope="session")
def provisioned(story: Story, provision: Make) -> str:
    """Return what the first provision said."""
    return provisioned_first(story, provision)


@pytest.fixture(autouse=True)
def journal(request: pytest.FixtureRequest, story: Story) -> Iterator[None]:
    """Show the machine's journal beside a failure."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        print(story.host.journal())
