"""What data teams run on their laptops runs in a flow run's unit, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hosts.control.project import Project
from tests.hosts.control.site import Site
from tests.hosts.control.workloads import Outcome, deploy, outcomes, with_workloads
from tests.hosts.machines.container import Container

OUTPUTS = {
    "libraries": {
        "numpy": "27000000.0",
        "pandas": "{'a': 4, 'b': 2}",
    },
    "tools": {
        "chgrp": "prefect",
        "cp": "1",
        "gzip": "9000",
        "ionice": "idle",
        "nice": "10",
        "os_chown": "True",
        "os_nice": "5",
        "os_sched_setaffinity": "True",
        "sed": "a=2",
        "tar": "x",
        "taskset": "1",
    },
}
EACH = [(group, name) for group, names in OUTPUTS.items() for name in names]
Seen = dict[str, dict[str, Outcome]]


@pytest.fixture(scope="module")
def project(site: Site) -> Project:
    """The project with all that is tried here."""
    return with_workloads(site)


@pytest.fixture(scope="module", params=["trixie", "bookworm"])
def machine(site: Site, project: Project, request: pytest.FixtureRequest) -> Iterator[Container]:
    """A machine that is a worker with it."""
    made = site.lab.container(request.param, f"workloads-{request.param}")
    made.start()
    made.wait()
    site.play(made, project=project).succeeded()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def seen(site: Site, machine: Container) -> Seen:
    """What became of each workload."""
    deploy(site)
    return {group: outcomes(site.api, machine, group) for group in OUTPUTS}


@pytest.mark.parametrize(("group", "name"), EACH)
def test_a_workload_ends_as_on_the_laptop(seen: Seen, group: str, name: str) -> None:
    assert seen[group][name] == Outcome("COMPLETED", OUTPUTS[group][name])


def test_no_workload_is_left_out(seen: Seen) -> None:
    assert {(group, name) for group, names in seen.items() for name in names} == set(EACH)
