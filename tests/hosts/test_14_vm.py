"""One real machine, with a kernel of its own, that is rebooted in the middle."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hosts.control.faults import Faults
from tests.hosts.control.observe import UNIT, main_pid, shown
from tests.hosts.control.project import Project
from tests.hosts.control.server import eventually, now
from tests.hosts.control.site import WITHOUT_A_RUN, Site
from tests.hosts.control.workloads import FLOW, OUTPUTS, Outcome, outcomes, with_workloads
from tests.hosts.machines.vm import VirtualMachine

# Emulated, it took a sixth of the processor time of `make test`.
pytestmark = pytest.mark.long
# Emulated, so about eight times as slow as anything else.
SLOWNESS = 8
VARIABLES: dict[str, Any] = {
    # The tests' own runs come next, each of which takes a minute and a half here.
    **WITHOUT_A_RUN,
    "prefect_worker_timeout": 600,
    "prefect_worker_memory_max": "1G",
    # More than the 4 GiB that one run takes, less than the machine has.
    "prefect_worker_machine_memory_max": "4608M",
}
GROUPS = ("arrays", "tools")
HEARTBEAT = "prefect.flow-run.heartbeat"
BOOT = "cat /proc/sys/kernel/random/boot_id"


@pytest.fixture(scope="module")
def project(site: Site) -> Project:
    """A project with numpy at the head of a flow: each proof imports it."""
    return with_workloads(site, "vm", ["numpy", "psutil"], ["numpy"])


@pytest.fixture(scope="module")
def vm(site: Site, project: Project) -> Iterator[VirtualMachine]:
    """A virtual machine that the playbook has made a worker.

    An emulated processor takes ten minutes to install the packages, so they come from a container.
    """
    before = site.lab.before_vm("trixie", "before")
    before.start()
    before.wait()
    site.play({"vm": before}, project=project, **VARIABLES).succeeded()
    machine = site.lab.vm("trixie", "vm", before.snapshot())
    machine.start()
    machine.wait()
    project.append(FLOW, "\nHERE = True\n")
    site.play({"vm": machine}, project=project, **VARIABLES).succeeded()
    yield machine
    machine.kill()


@pytest.fixture(scope="module")
def faults(site: Site, vm: VirtualMachine) -> Faults:
    """The machine's runs."""
    return Faults(site.api, site.pool, vm, SLOWNESS)


@pytest.fixture(scope="module")
def bystander(faults: Faults) -> str:
    """A run that waits while memory is used up and the clock jumps: to start one takes long."""
    return faults.held()


@pytest.mark.usefixtures("bystander")
def test_numpy_and_the_tools_of_the_system_work(site: Site, vm: VirtualMachine) -> None:
    right = {
        group: {name: Outcome("COMPLETED", output) for name, output in OUTPUTS[group].items()}
        for group in GROUPS
    }
    assert outcomes(site.api, vm, *GROUPS) == right


def test_the_kernel_enforces_the_limit_of_the_worker(vm: VirtualMachine) -> None:
    group = shown(vm, UNIT, "ControlGroup")["ControlGroup"]
    assert vm.shell(f"cat /sys/fs/cgroup{group}/memory.max").strip() == str(1024**3)


def test_a_run_beyond_its_memory_is_killed_and_reported(faults: Faults) -> None:
    run = faults.ended(faults.start("eat", memory_max="300M"))
    assert run["state"]["message"] == "Killed: used more than its 300 MiB."
    assert faults.steps(run["id"]) == ["before"]


def test_a_run_has_the_memory_that_its_deployment_gives_it(faults: Faults) -> None:
    run = faults.ended(faults.start("feast", memory_max="4400M"))
    assert run["state_type"] == "COMPLETED", run["state"]


def test_the_kernel_enforces_the_ceiling_of_all_runs(faults: Faults, bystander: str) -> None:
    message = faults.ended(faults.start("eat", memory_max="infinity"))["state"]["message"]
    assert message.startswith(
        "Killed: what all flow runs of its machine may use together (4.5 GiB)"
    )
    assert faults.is_here(bystander)


def test_a_call_that_the_sandbox_ends_is_named(faults: Faults) -> None:
    message = faults.killed_by_the_sandbox()["state"]["message"]
    forbidden = "called what the sandbox forbids (system call 165, mount)"
    assert message == (
        f"Killed by signal 31 (SIGSYS): {forbidden}; see prefect_worker_unit_overrides."
    )


def test_a_worker_beyond_its_memory_costs_no_run(
    site: Site, vm: VirtualMachine, faults: Faults, bystander: str
) -> None:
    before = main_pid(vm)
    vm.shell(f"systemctl set-property --runtime {UNIT} MemoryMax=20M")
    faults.eventually(lambda: main_pid(vm) != before, 30, bystander)
    assert "oom" in vm.shell("journalctl --dmesg --no-pager | tail -n 40").lower()
    started = now()
    vm.shell(f"systemctl set-property --runtime {UNIT} MemoryMax=1G && systemctl restart {UNIT}")
    site.online("shop-reports@vm", started, seconds=300)
    assert faults.is_here(bystander)


def test_a_clock_that_jumps_costs_no_run(
    vm: VirtualMachine, faults: Faults, bystander: str
) -> None:
    # Until then the run's state may count as what the server expects after the first heartbeat.
    faults.eventually(lambda: _heartbeats(faults, bystander) > 1, 60, bystander)
    try:
        vm.shell("date --set='+1 hour'")
        assert faults.completed()["run_count"] == 1
        # The server compares heartbeats of now and of an hour later, and takes the run for lost.
        faults.said(bystander, "It is on its machine", 90)
        vm.shell("date --set='-2 hours'")
        late = faults.start()
        faults.let_go(bystander)
        faults.becomes(bystander, lambda found: found["state_type"] == "COMPLETED", 90)
        assert faults.steps(bystander) == ["before", "after"]
        # The worker asks for what is due by its own clock.
        assert faults.run(late)["state_type"] == "SCHEDULED"
    finally:
        vm.shell(f"date --set=@{time.time():.0f}")
    assert faults.ended(late)["state_type"] == "COMPLETED"


def _heartbeats(faults: Faults, run: str) -> int:
    wish = {"event": {"name": [HEARTBEAT]}, "resource": {"id": [f"prefect.flow-run.{run}"]}}
    return len(faults.api.request("POST", "/events/filter", {"filter": wish})["events"])


def test_after_power_was_lost_the_worker_is_back_and_runs_flows(
    vm: VirtualMachine, faults: Faults
) -> None:
    boot, run = vm.shell(BOOT), faults.held(flow="retried")
    # Not by this connection, which would never hear of its end.
    soon = "--on-active=1 --timer-property=AccuracySec=100ms"
    vm.shell(f"systemd-run {soon} reboot --force --force")
    vm.hang_up()
    eventually(lambda: vm.ssh(BOOT).stdout not in {"", boot}, 300, "the machine is not back")
    faults.begun_again(run)
    faults.let_go(run)
    assert faults.ended(run)["state_type"] == "COMPLETED"
    assert faults.steps(run) == ["before", "after"]
    assert "lost power" in faults.messages(run)
