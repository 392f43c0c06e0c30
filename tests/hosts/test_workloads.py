"""What data teams run on their laptops runs in a flow run's unit, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.hosts.control.faults import Faults
from tests.hosts.control.project import Project
from tests.hosts.control.server import eventually
from tests.hosts.control.site import Site
from tests.hosts.control.workloads import (
    DATABASE,
    OUTPUTS,
    WORKLOADS,
    Outcome,
    Outcomes,
    furnish,
    outcomes,
    with_workloads,
)
from tests.hosts.machines.container import Container
from tests.results.lab.programs import Programs
from tests.results.lab.seaweed import Seaweed

EACH = [(group, name) for group, names in OUTPUTS.items() for name in names]
OVERRIDES = {
    "AmbientCapabilities": "CAP_NET_BIND_SERVICE",
    "CapabilityBoundingSet": "CAP_NET_BIND_SERVICE",
    "LoadCredential": "krb5.keytab:/etc/krb5.keytab",
    "PrivateDevices": False,
    "ProtectHome": "read-only",
    "ReadWritePaths": ["/data", "/mnt/share"],
    "RestrictNamespaces": False,
}
REFUSALS = {
    "chromium_with_its_own_sandbox": "No usable sandbox",
    "data": "Read-only file system: '/data/report'",
    "home": "Permission denied: '/home/reports/report'",
    "keytab": "Permission denied: '/etc/krb5.keytab'",
    "low_port": "Permission denied",
    "mnt": "Read-only file system: '/mnt/share/report'",
    "namespaces": "unshare failed: Operation not permitted",
    "sudo": '"no new privileges" flag is set',
}
OVERRIDDEN = {
    "data": "1",
    "device": "True",
    "home": "of today",
    "keytab": "of today",
    "low_port": "bound",
    "mnt": "1",
    "namespaces": "0",
}


@pytest.fixture(scope="module")
def project(site: Site) -> Project:
    """The project with all that is tried here; it cannot be proved without what flows import."""
    packages = (WORKLOADS / "requirements.in").read_text().split()
    return with_workloads(site, "workloads", packages, ["numpy", "pandas"])


@pytest.fixture(scope="module")
def variables(site: Site) -> Iterator[dict[str, Any]]:
    """The way to a database and to an object store."""
    programs = Programs(site.lab.folder / "logs")
    store = Seaweed(programs, site.lab.folder / "seaweed", site.lab.gateway)
    s3 = {name: value for name, value in store.settings().items() if name.startswith("AWS_")}
    where = {"AWS_ENDPOINT_URL_S3": store.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
    yield {
        "prefect_worker_environment": {**DATABASE, **s3, **where},
        "prefect_worker_packages": ["iputils-ping", "libatomic1"],
    }
    programs.stop_all()


@pytest.fixture(scope="module", params=["trixie", "bookworm"])
def machine(
    site: Site, project: Project, variables: dict[str, Any], request: pytest.FixtureRequest
) -> Iterator[Container]:
    """A machine that is a worker with it."""
    made = site.lab.equipped(request.param, f"workloads-{request.param}")
    made.start()
    made.wait()
    site.play(made, project=project, **variables).succeeded()
    furnish(made)
    yield made
    made.kill()


@pytest.fixture(scope="module")
def seen(site: Site, machine: Container) -> Outcomes:
    """What became of each workload."""
    return outcomes(site.api, machine, *OUTPUTS)


@pytest.fixture(scope="module")
def overridden(
    site: Site, machine: Container, seen: Outcomes, project: Project, variables: dict[str, Any]
) -> dict[str, Outcome]:
    """What becomes of those that were refused, with overrides."""
    more = {**variables, "prefect_worker_unit_overrides": OVERRIDES}
    site.play(machine, project=project, **more).succeeded()
    return outcomes(site.api, machine, "rights")["rights"]


@pytest.mark.parametrize(("group", "name"), EACH)
def test_a_workload_ends_as_on_the_laptop(seen: Outcomes, group: str, name: str) -> None:
    assert seen[group][name] == Outcome("COMPLETED", OUTPUTS[group][name])


def test_no_workload_is_left_out(seen: Outcomes) -> None:
    refused = {("rights", name) for name in REFUSALS}
    assert {(group, name) for group, names in seen.items() for name in names} == {*EACH, *refused}


def test_mail_of_a_run_arrives(machine: Container, seen: Outcomes) -> None:
    mail = "cat /var/mail/admin 2>/dev/null || true"
    eventually(lambda: "Subject: Report" in machine.shell(mail), 20, "no mail has arrived")


def test_a_run_goes_on_while_the_system_is_upgraded(
    site: Site, machine: Container, seen: Outcomes
) -> None:
    faults = Faults(site.api, site.pool, machine)
    run = faults.held()
    again = "apt-get install --quiet --yes --reinstall libc6 openssl systemd"
    machine.shell(f"apt-get update --quiet && DEBIAN_FRONTEND=noninteractive {again}")
    faults.let_go(run)
    assert faults.ended(run)["state_type"] == "COMPLETED"


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_says_so(seen: Outcomes, name: str) -> None:
    assert seen["rights"][name].state == "FAILED"
    assert REFUSALS[name] in seen["rights"][name].output


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_an_override_gives_what_it_says(overridden: dict[str, Outcome], name: str) -> None:
    assert overridden[name] == Outcome("COMPLETED", OVERRIDDEN[name])


@pytest.mark.parametrize("name", sorted(REFUSALS.keys() - OVERRIDDEN))
def test_what_is_not_meant_no_override_gives(overridden: dict[str, Outcome], name: str) -> None:
    assert overridden[name].state == "FAILED"
