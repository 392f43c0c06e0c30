"""What a flow run finds where it runs: a folder, a Python, a bounded log."""

from __future__ import annotations

import re
import signal

import pytest

from tests.hosts.control.deployed import IN_PROJECT, Steps, ended, logged, told
from tests.hosts.control.faults import THERE, Faults
from tests.hosts.control.observe import journal
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container
from tests.hosts.suites import on_each

SHARED = "/var/lib/prefect/shop-reports/shared"
WATCHDOG = "prefect-worker-shop-reports-watchdog.service"
# The key of what a run leaves of System V's shared memory, as /proc has it.
SEGMENT = 0x5E6
RESULTS = "/var/lib/prefect/shop-reports/.local/state/shop-reports/results"

pytestmark = on_each


@pytest.fixture(scope="module")
def faults(site: Site, host: Container) -> Faults:
    """The machine's runs."""
    return Faults(site.api, site.pool, host)


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


def test_a_run_starts_where_its_deployment_says(faults: Faults) -> None:
    step: Steps = [{"prefect.deployments.steps.run_shell_script": {"script": "pwd"}}]
    run = ended(faults, "where", step, working_dir="/srv/faults")
    assert told(faults, run) == {"here": "/srv/faults"}
    below = ended(faults, "where", step, working_dir="src")
    assert told(faults, below) == {"here": "/var/tmp/run/src"}


def test_programs_of_packages_are_found_by_their_names(seen: dict[str, str]) -> None:
    assert seen["program"] == f"{seen['project']}/.venv/bin/prefect"


def test_a_process_that_a_run_forks_ends_when_it_is_told_to(seen: dict[str, str]) -> None:
    """Prefect's handler would raise in it, where nothing may hear: a pool then waits for ever."""
    assert seen["forked"] == str(signal.SIG_DFL)


@pytest.mark.usefixtures("seen")
def test_memory_that_a_run_shares_goes_with_it(faults: Faults) -> None:
    assert "report" not in faults.host.shell("ls /dev/shm")
    assert f" {SEGMENT} " not in faults.host.shell("cat /proc/sysvipc/shm")


def test_temporary_files_are_on_the_disk(seen: dict[str, str]) -> None:
    assert seen["disk"] != "tmpfs"
    assert seen["temporary"] == "/var/tmp"


@pytest.mark.usefixtures("seen")
def test_what_a_run_writes_can_be_read_by_others(faults: Faults) -> None:
    assert faults.host.shell(f"stat -c %a {SHARED} {SHARED}/report.csv").split() == ["755", "644"]


def test_packages_that_are_to_be_installed_by_a_step_are_told(faults: Faults) -> None:
    step: Steps = [{"prefect.deployments.steps.pip_install_requirements": {}}]
    run = ended(faults, "place", step)
    assert "No module named pip" in run["state"]["message"]
    assert "dependencies go into the project's requirements.txt" in run["state"]["message"]


def test_an_exception_whose_text_is_no_text_is_told(faults: Faults) -> None:
    run = ended(faults, "surrogate", IN_PROJECT)
    assert run["state_type"] == "FAILED"
    assert "ValueError: caf\\udce9\\x00" in run["state"]["message"]
    lines = logged(faults, run)
    assert "said caf\\udce9\\x00" in lines
    assert [line for line in lines if "Traceback" in line and "caf\\udce9" in line]


def test_a_flood_of_prints_is_bounded_and_said(faults: Faults) -> None:
    run = ended(faults, "flood", IN_PROJECT)
    assert run["state_type"] == "COMPLETED"
    lines = logged(faults, run)
    printed = [line for line in lines if line.startswith("line ")]
    assert int(printed[-1].removeprefix("line ")) < 6_999
    assert [line for line in lines if line.startswith("More than 5000 lines in 30 seconds")]
    assert "the last words" in lines


def test_a_run_beside_two_floods_is_not_held_up(faults: Faults) -> None:
    faults.completed()
    faults.add("flood_on", f"{THERE}/environment.py:flood_on", IN_PROJECT)
    floods = [faults.start(None, "flood_on") for _ in range(2)]
    for run in floods:
        faults.becomes(run, lambda found: found["state_type"] == "RUNNING", 60)
    faults.completed()
    assert [faults.run(run)["state_type"] for run in floods] == ["RUNNING"] * 2
    for run in floods:
        faults.let_go(run)
        assert faults.ended(run)["state_type"] == "COMPLETED"


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
    link = "/opt/prefect/shop-reports/workers/shop-reports/current/.venv/bin/python"
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
