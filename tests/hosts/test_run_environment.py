"""What a flow run finds where it runs: a folder, git, credentials, a bounded log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.control import git
from tests.hosts.control.deployed import IN_PROJECT, Steps, ended, logged, told
from tests.hosts.control.faults import Faults
from tests.hosts.control.observe import journal
from tests.hosts.control.server import eventually
from tests.hosts.control.site import CA_BUNDLE, Site
from tests.hosts.machines.container import Container
from tests.hosts.machines.shell import run as call

CLONE = "prefect.deployments.steps.git_clone"
SHARED = "/var/lib/prefect/shop-reports/shared"
WATCHDOG = "prefect-worker-shop-reports-watchdog.service"
RESULTS = "/var/lib/prefect/shop-reports/.local/state/shop-reports/results"
REPOSITORIES = "/srv/git"


@pytest.fixture(scope="module")
def repositories(site: Site, host: Container) -> Iterator[str]:
    """Repositories on the control side; the machine trusts its authority, and has a deploy key."""
    folder = site.lab.folder / "git"
    folder.mkdir()
    git.make_repository(folder)
    key = folder / "deploy-key"
    call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
    with git.served(folder, site.lab.gateway) as (url, authority):
        bundle = folder / "authorities.pem"
        bundle.write_text(CA_BUNDLE.read_text() + authority.read_text())
        _serve_over_ssh(host, folder, key.with_suffix(".pub").read_text())
        known = host.shell(f"sed 's/^/{host.address} /' /etc/ssh/ssh_host_ed25519_key.pub")
        site.play(
            host,
            prefect_worker_packages=["git", "postfix"],
            prefect_worker_ca_bundle=str(bundle),
            prefect_worker_ssh_key=key.read_text(),
            prefect_worker_ssh_known_hosts=known,
        ).succeeded()
        yield url


@pytest.fixture(scope="module")
def faults(site: Site, host: Container) -> Faults:
    """The machine's runs."""
    return Faults(site.api, site.pool, host)


def _serve_over_ssh(host: Container, folder: Path, public: str) -> None:
    """Let whoever has the key fetch from the machine itself, as its user `admin`."""
    call(["cp", "--archive", folder, host.files.root / REPOSITORIES.lstrip("/")])
    keys = "/home/admin/.ssh/authorized_keys"
    host.shell(f"chown -R admin: {REPOSITORIES} && echo '{public.strip()}' >>{keys}")


@pytest.fixture(scope="module")
def seen(faults: Faults) -> dict[str, str]:
    """What a flow has found where it ran."""
    run = ended(faults, "place", IN_PROJECT)
    assert run["state_type"] == "COMPLETED", run["state"]
    return told(faults, run)


def test_a_run_starts_in_a_writable_folder_of_its_own(faults: Faults, seen: dict[str, str]) -> None:
    assert seen["data"] == "True"
    assert seen["package"] == "shop_reports"
    assert seen["here"] == seen["project"]
    assert faults.host.shell("find / -xdev -name report.csv").split() == [f"{SHARED}/report.csv"]


def test_programs_of_packages_are_found_by_their_names(seen: dict[str, str]) -> None:
    assert seen["program"] == f"{seen['project']}/.venv/bin/prefect"


@pytest.mark.usefixtures("seen")
def test_memory_that_a_run_shares_goes_with_it(faults: Faults) -> None:
    assert "report" not in faults.host.shell("ls /dev/shm")


def test_temporary_files_are_on_the_disk(seen: dict[str, str]) -> None:
    assert seen["disk"] != "tmpfs"
    assert seen["temporary"] == "/var/tmp"


@pytest.mark.usefixtures("seen")
def test_what_a_run_writes_can_be_read_by_others(faults: Faults) -> None:
    assert faults.host.shell(f"stat -c %a {SHARED} {SHARED}/report.csv").split() == ["755", "644"]


@pytest.mark.parametrize("by", ["https", "ssh"])
def test_a_clone_by_branch_with_submodules_runs(faults: Faults, repositories: str, by: str) -> None:
    run = ended(faults, "cloned", _clone(faults, repositories, by), "flow.py:cloned")
    assert run["state_type"] == "COMPLETED", run["state"]


def test_a_step_that_fails_is_told_with_its_error(faults: Faults, repositories: str) -> None:
    (step,) = _clone(faults, repositories, "https")
    step[CLONE]["repository"] = f"{repositories}/missing.git"
    run = ended(faults, "cloned", [step], "flow.py:cloned")
    assert run["state_type"] == "CRASHED"
    message = run["state"]["message"]
    assert message.startswith("Exited with status 1, before the flow began: Encountered error")
    assert "Failed to clone repository" in message
    assert git.TOKEN not in message


def test_packages_that_are_to_be_installed_by_a_step_are_told(faults: Faults) -> None:
    step: Steps = [{"prefect.deployments.steps.pip_install_requirements": {}}]
    run = ended(faults, "place", step)
    assert "No module named pip" in run["state"]["message"]


@pytest.mark.usefixtures("repositories")
def test_sendmail_fails_at_once(faults: Faults) -> None:
    run = ended(faults, "mail", IN_PROJECT)
    assert run["state_type"] == "FAILED"
    assert "non-zero exit status 75" in run["state"]["message"]


def test_an_exception_whose_text_is_no_text_is_told(faults: Faults) -> None:
    run = ended(faults, "surrogate", IN_PROJECT)
    assert run["state_type"] == "FAILED"
    assert "ValueError: caf\\udce9" in run["state"]["message"]
    lines = logged(faults, run)
    assert "said caf\\udce9" in lines
    assert [line for line in lines if "Traceback" in line and "caf\\udce9" in line]


def test_a_flood_of_prints_is_bounded_and_said(faults: Faults) -> None:
    run = ended(faults, "flood", IN_PROJECT)
    assert run["state_type"] == "COMPLETED"
    lines = logged(faults, run)
    printed = [line for line in lines if line.startswith("line ")]
    assert int(printed[-1].removeprefix("line ")) < 6_999
    assert [line for line in lines if line.startswith("More than 5000 lines in 30 seconds")]
    assert "the last words" in lines


def test_a_result_of_a_plain_flow_that_finds_no_room_is_said(faults: Faults) -> None:
    place = f"{RESULTS} && mount -t tmpfs -o size=16k,mode=777 tmpfs {RESULTS}"
    faults.host.shell(f"mkdir -p {place}")
    try:
        run = ended(faults, "kept", IN_PROJECT)
    finally:
        faults.host.shell(f"umount {RESULTS}")
    assert run["state_type"] == "COMPLETED"
    assert [line for line in logged(faults, run) if "No space left on device" in line]


def test_a_release_without_its_python_is_told_and_made_anew(site: Site, faults: Faults) -> None:
    link = "/opt/prefect/shop-reports/current/.venv/bin/python"
    there = faults.host.shell(f"readlink {link}").strip()
    assert re.fullmatch(r"/usr/bin/python3\.\d+", there)
    gone = "/usr/bin/python3.1, the Python of"
    faults.host.shell(f"ln -sfn /usr/bin/python3.1 {link}")
    run = ended(faults, "place", IN_PROJECT)
    assert run["state"]["message"].startswith("Exited with status 1, before the flow began: /usr/")
    assert gone in run["state"]["message"]
    faults.host.shell(f"systemctl start {WATCHDOG}")
    assert gone in journal(faults.host, WATCHDOG)
    assert gone in " ".join(site.play(faults.host).succeeded().text.split())
    assert faults.host.shell(f"readlink {link}").strip() == there
    faults.completed()


def test_runs_outlast_a_change_of_the_apis_password(site: Site, faults: Faults) -> None:
    before = site.server.auth_string
    runs = [faults.held(crash_retries=1) for _ in range(3)]
    site.server.restart_with("admin:the-next-one")
    try:
        faults.let_go(runs[0])
        eventually(lambda: faults.steps(runs[0]) == ["before", "after"], 60, "it does not go on")
        site.play(faults.host).succeeded()
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


def _clone(faults: Faults, repositories: str, by: str) -> Steps:
    url = repositories if by == "https" else f"ssh://admin@{faults.host.address}{REPOSITORIES}"
    wish = {"repository": f"{url}/flows.git", "branch": git.BRANCH, "include_submodules": True}
    if by == "https":
        wish["credentials"] = {"username": "git", "access_token": git.TOKEN}
    return [{CLONE: wish}]
