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
from tests.hosts.control.site import Site
from tests.hosts.control.workloads import with_workloads
from tests.hosts.machines.vm import VirtualMachine

# Emulated, so about eight times as slow as anything else.
SLOWNESS = 8
SLOW: dict[str, Any] = {"prefect_worker_timeout": 600, "prefect_worker_memory_max": "1G"}
HEARTBEAT = "prefect.flow-run.heartbeat"
BOOT = "cat /proc/sys/kernel/random/boot_id"


@pytest.fixture(scope="module")
def project(site: Site) -> Project:
    """A project with numpy at the head of a flow: the proof and the smoke run import it."""
    return with_workloads(site, "vm", ["numpy"], ["numpy"])


@pytest.fixture(scope="module")
def vm(site: Site, project: Project) -> Iterator[VirtualMachine]:
    """A virtual machine that the playbook has made a worker."""
    machine = site.lab.vm("trixie", "vm")
    machine.start()
    machine.wait()
    site.play({"vm": machine}, project=project, **SLOW).succeeded()
    yield machine
    machine.kill()


@pytest.fixture(scope="module")
def faults(site: Site, vm: VirtualMachine) -> Faults:
    """The machine's runs."""
    return Faults(site.api, site.pool, vm, SLOWNESS)


def test_the_kernel_enforces_the_limit_of_memory(vm: VirtualMachine) -> None:
    group = shown(vm, UNIT, "ControlGroup")["ControlGroup"]
    assert vm.shell(f"cat /sys/fs/cgroup{group}/memory.max").strip() == str(1024**3)


def test_a_run_beyond_its_memory_is_killed_and_reported(faults: Faults) -> None:
    run = faults.ended(faults.start("eat", memory_max="300M"))
    assert run["state"]["message"] == "Killed: used more than its 300 MiB."
    assert faults.steps(run["id"]) == ["before"]


def test_a_worker_beyond_its_memory_costs_no_run(vm: VirtualMachine, faults: Faults) -> None:
    run, before = faults.held(), main_pid(vm)
    vm.shell(f"systemctl set-property --runtime {UNIT} MemoryMax=20M")
    faults.eventually(lambda: main_pid(vm) != before, 30, run)
    assert "oom" in vm.shell("journalctl --dmesg --no-pager | tail -n 40").lower()
    vm.shell(f"systemctl set-property --runtime {UNIT} MemoryMax=1G && systemctl restart {UNIT}")
    faults.let_go(run)
    assert faults.ended(run)["state_type"] == "COMPLETED"
    assert faults.steps(run) == ["before", "after"]


def test_a_clock_that_jumps_costs_no_run(vm: VirtualMachine, faults: Faults) -> None:
    run = faults.held()
    # Until then the run's state may count as what the server expects after the first heartbeat.
    faults.eventually(lambda: _heartbeats(faults, run) > 1, 60, run)
    try:
        vm.shell("date --set='+1 hour'")
        assert faults.completed()["run_count"] == 1
        # The server compares heartbeats of now and of an hour later, and takes the run for lost.
        faults.said(run, "It is on its machine", 90)
        vm.shell("date --set='-2 hours'")
        late = faults.start()
        faults.let_go(run)
        faults.becomes(run, lambda found: found["state_type"] == "COMPLETED", 90)
        assert faults.steps(run) == ["before", "after"]
        # The worker asks for what is due by its own clock.
        assert faults.run(late)["state_type"] == "SCHEDULED"
    finally:
        vm.shell(f"date --set=@{time.time():.0f}")
    assert faults.ended(late)["state_type"] == "COMPLETED"


def _heartbeats(faults: Faults, run: str) -> int:
    wish = {"event": {"name": [HEARTBEAT]}, "resource": {"id": [f"prefect.flow-run.{run}"]}}
    return len(faults.api.request("POST", "/events/filter", {"filter": wish})["events"])


def test_after_power_was_lost_the_worker_is_back_by_itself(
    site: Site, vm: VirtualMachine, faults: Faults
) -> None:
    boot, run = vm.shell(BOOT), faults.held()
    # Not by this connection, which would never hear of its end.
    soon = "--on-active=1 --timer-property=AccuracySec=100ms"
    vm.shell(f"systemd-run {soon} reboot --force --force")
    vm.hang_up()
    eventually(lambda: vm.ssh(BOOT).stdout not in {"", boot}, 300, "the machine is not back")
    returned = now()
    site.online("shop-reports@vm", returned, seconds=300)
    assert main_pid(vm) > 0
    assert "lost power" in faults.ended(run)["state"]["message"]


def test_after_power_was_lost_the_worker_runs_flows(site: Site, vm: VirtualMachine) -> None:
    run = site.api.run("passing-data/passing_data", seconds=400)
    assert run["state_type"] == "COMPLETED", run["state"]


def test_after_power_was_lost_there_is_nothing_to_change(
    site: Site, vm: VirtualMachine, project: Project
) -> None:
    assert site.play({"vm": vm}, project=project, **SLOW).succeeded().changed["vm"] == 0
