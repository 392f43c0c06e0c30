"""What data teams run on their laptops runs in a flow run's unit, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.hosts.control import git
from tests.hosts.control.clones import Repositories, repositories
from tests.hosts.control.deployed import ended
from tests.hosts.control.faults import Faults
from tests.hosts.control.playbook import Played
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
from tests.hosts.suites import SUITES
from tests.results.lab.programs import Programs
from tests.results.lab.seaweed import Seaweed

LOCALE = {"LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo"}
ODBC = ["odbc-postgresql", "unixodbc"]
JAVA = {"JAVA_TOOL_OPTIONS": "-Duser.home=/var/lib/prefect/shop-reports"}
# unixODBC would look at the home of the system user.
SOURCES = {"ODBCINI": "/var/lib/prefect/shop-reports/.odbc.ini"}
# Of other machines, so that it does not have to import on these.
ELSEWHERE = """
  - name: trained
    entrypoint: flows_on_other_machines/trained.py:trained
    work_pool:
      name: machines-with-graphics
"""
EACH = [(group, name) for group, names in OUTPUTS.items() for name in names]
OVERRIDES = {
    "AmbientCapabilities": "CAP_NET_BIND_SERVICE",
    "CapabilityBoundingSet": "CAP_NET_BIND_SERVICE",
    "LoadCredential": "krb5.keytab:/etc/krb5.keytab",
    "PrivateDevices": False,
    "PrivateUsers": False,
    "ProtectHome": "read-only",
    "ReadWritePaths": ["/data", "/mnt/share"],
    "RestrictNamespaces": False,
    "RestrictSUIDSGID": False,
    "SupplementaryGroups": "postdrop",
}
REFUSALS = {
    "call_of_32_bits": "exit -31",
    "chromium_with_its_own_sandbox": "No usable sandbox",
    "data": "Read-only file system: '/data/report'",
    "home": "Permission denied: '/home/reports/report'",
    "io_uring": "Operation not permitted",
    "keytab": "Permission denied: '/etc/krb5.keytab'",
    "low_port": "Permission denied",
    "mnt": "Read-only file system: '/mnt/share/report'",
    "namespaces": "unshare failed: Operation not permitted",
    "setgid": "Operation not permitted",
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
    "setgid": "2775",
}


# What `sendmail` is refused, said by it and by what calls it.
UNSENT = {
    "mail": "Can't send mail: sendmail process failed with error code 75",
    "sendmail": "exit 75: sendmail: fatal: execvp /usr/sbin/postdrop: Permission denied",
}
FOLDER = "[Service]\\nReadWritePaths=/var/spool/postfix/maildrop\\n"
DROPIN = "/run/systemd/system/prefect-run-shop-reports@.service.d/folder.conf"


@pytest.fixture(scope="module")
def project(site: Site) -> Project:
    """The project with all that is tried here; it cannot be proved without what flows import."""
    packages = (WORKLOADS / "requirements.in").read_text().split()
    made = with_workloads(site, "workloads", packages, ["numpy", "pandas"])
    made.append("prefect.yaml", ELSEWHERE)
    return made


@pytest.fixture(scope="module")
def variables(site: Site) -> Iterator[dict[str, Any]]:
    """The way to a database and to an object store."""
    programs = Programs(site.lab.folder / "logs")
    store = Seaweed(programs, site.lab.folder / "seaweed", site.lab.gateway)
    s3 = {name: value for name, value in store.settings().items() if name.startswith("AWS_")}
    where = {"AWS_ENDPOINT_URL_S3": store.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
    yield {
        "prefect_worker_environment": {**DATABASE, **s3, **where, **JAVA, **LOCALE, **SOURCES},
        "prefect_worker_include": ["/.shop/settings"],
        "prefect_worker_packages": ["bsd-mailx", "iputils-ping", "libatomic1", *ODBC],
    }
    programs.stop_all()


@dataclass(frozen=True)
class Made:
    """A machine, the repositories that it reaches, and the play that made it a worker."""

    host: Container
    reaches: Repositories
    play: Callable[..., Played]


@pytest.fixture(scope="module", params=SUITES)
def made(
    site: Site, project: Project, variables: dict[str, Any], request: pytest.FixtureRequest
) -> Iterator[Made]:
    """A machine that is a worker with the project."""
    host = site.lab.equipped(request.param, f"workloads-{request.param}")
    host.start()
    host.wait()
    with repositories(site, host) as reaches:
        play = partial(site.play, host, project=project, **variables, **reaches.variables)
        play().succeeded()
        furnish(host)
        yield Made(host, reaches, play)
    host.kill()


@pytest.fixture(scope="module")
def machine(made: Made) -> Container:
    """The machine."""
    return made.host


@pytest.fixture(scope="module")
def faults(site: Site, machine: Container) -> Faults:
    """The machine's runs."""
    return Faults(site.api, site.pool, machine)


@pytest.fixture(scope="module")
def seen(site: Site, machine: Container) -> Outcomes:
    """What became of each workload."""
    return outcomes(site.api, machine, *OUTPUTS, "mails")


@pytest.fixture(scope="module")
def with_the_folder(site: Site, machine: Container, seen: Outcomes) -> Outcomes:
    """What becomes of mail by programs where they may write to its folder, without the group."""
    write = f"mkdir -p $(dirname {DROPIN}) && printf '{FOLDER}' >{DROPIN}"
    machine.shell(f"{write} && systemctl daemon-reload")
    found = outcomes(site.api, machine, "mails")
    machine.shell(f"rm {DROPIN} && systemctl daemon-reload")
    return found


@pytest.fixture(scope="module")
def overridden(site: Site, made: Made, seen: Outcomes) -> Outcomes:
    """What becomes of those that were refused, with overrides."""
    made.play(prefect_worker_unit_overrides=OVERRIDES).succeeded()
    return outcomes(site.api, made.host, "rights", "mails")


@pytest.mark.parametrize(("group", "name"), EACH)
def test_a_workload_ends_as_on_the_laptop(seen: Outcomes, group: str, name: str) -> None:
    assert seen[group][name] == Outcome("COMPLETED", OUTPUTS[group][name])


def test_no_workload_is_left_out(seen: Outcomes) -> None:
    refused = {*(("rights", name) for name in REFUSALS), *(("mails", name) for name in UNSENT)}
    assert {(group, name) for group, names in seen.items() for name in names} == {*EACH, *refused}


@pytest.mark.usefixtures("seen")
def test_mail_of_a_run_arrives(machine: Container) -> None:
    _await_mail(machine, "Subject: Report")


def _await_mail(machine: Container, words: str) -> None:
    mail = "cat /var/mail/admin 2>/dev/null || true"
    eventually(lambda: words in machine.shell(mail), 20, "no mail has arrived")


@pytest.mark.parametrize("name", UNSENT)
def test_mail_by_a_program_fails_at_once(
    seen: Outcomes, with_the_folder: Outcomes, name: str
) -> None:
    for found in (seen, with_the_folder):
        assert found["mails"][name].state == "FAILED"
        assert UNSENT[name] in found["mails"][name].output


@pytest.mark.parametrize("by", ["https", "ssh", "block"])
def test_a_clone_by_branch_with_submodules_runs(faults: Faults, made: Made, by: str) -> None:
    run = ended(faults, "cloned", made.reaches.steps(by), "flow.py:cloned")
    assert run["state_type"] == "COMPLETED", run["state"]


def test_a_step_that_fails_is_told_with_its_error(faults: Faults, made: Made) -> None:
    run = ended(faults, "cloned", made.reaches.steps("https", "missing"), "flow.py:cloned")
    assert run["state_type"] == "CRASHED"
    message = run["state"]["message"]
    assert message.startswith("Exited with status 1, before the flow began: Encountered error")
    assert "Failed to clone repository" in message
    assert git.TOKEN not in message


@pytest.mark.usefixtures("seen")
def test_a_run_goes_on_while_the_system_is_upgraded(faults: Faults) -> None:
    run = faults.held()
    again = "apt-get install --quiet --yes --reinstall libc6 openssl systemd"
    faults.host.shell(f"apt-get update --quiet && DEBIAN_FRONTEND=noninteractive {again}")
    faults.let_go(run)
    assert faults.ended(run)["state_type"] == "COMPLETED"


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_says_so(seen: Outcomes, name: str) -> None:
    assert seen["rights"][name].state == "FAILED"
    assert REFUSALS[name] in seen["rights"][name].output


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_an_override_gives_what_it_says(overridden: Outcomes, name: str) -> None:
    assert overridden["rights"][name] == Outcome("COMPLETED", OVERRIDDEN[name])


@pytest.mark.parametrize("name", UNSENT)
def test_an_override_lets_programs_send_mail(
    machine: Container, overridden: Outcomes, name: str
) -> None:
    assert overridden["mails"][name].state == "COMPLETED", overridden["mails"][name]
    _await_mail(machine, f"Subject: By {name}")


@pytest.mark.parametrize("name", sorted(REFUSALS.keys() - OVERRIDDEN))
def test_what_is_not_meant_no_override_gives(overridden: Outcomes, name: str) -> None:
    assert overridden["rights"][name].state == "FAILED"


def test_runs_outlast_a_change_of_the_apis_password(site: Site, faults: Faults, made: Made) -> None:
    before = site.server.auth_string
    runs = [faults.held(crash_retries=1) for _ in range(3)]
    site.server.restart_with("admin:the-next-one")
    try:
        faults.let_go(runs[0])
        eventually(lambda: faults.steps(runs[0]) == ["before", "after"], 60, "it does not go on")
        made.play().succeeded()
        for run in runs[1:]:
            faults.let_go(run)
        for run in runs:
            assert faults.ended(run)["state_type"] == "COMPLETED"
            assert faults.steps(run) == ["before", "after"]
            assert "Crashed" not in faults.history(run)
            assert faults.tasks(run) == ["COMPLETED", "COMPLETED"]
        faults.completed()
    finally:
        site.server.restart_with(before)
