"""One real machine, with a kernel of its own, that is rebooted in the middle."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hosts.control.faults import Faults, bring_numpy
from tests.hosts.control.observe import UNIT, main_pid, shown
from tests.hosts.control.server import eventually, now
from tests.hosts.control.site import Site
from tests.hosts.machines.vm import VirtualMachine

# Emulated, so about eight times as slow as anything else.
SLOWNESS = 8
SLOW: dict[str, Any] = {
    "prefect_worker_timeout": 600,
    "prefect_worker_memory_max": "1G",
    "prefect_worker_machine_memory_max": "500M",
}
BOOT = "cat /proc/sys/kernel/random/boot_id"


@pytest.fixture(scope="module")
def vm(site: Site) -> Iterator[VirtualMachine]:
    """A virtual machine that the playbook has made a worker."""
    machine = site.lab.vm("trixie", "vm")
    machine.start()
    machine.wait()
    site.play({"vm": machine}, **SLOW).succeeded()
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


def test_a_run_without_a_limit_is_killed_at_the_ceiling_of_the_machine(faults: Faults) -> None:
    run = faults.ended(faults.start("eat", memory_max="infinity"))
    assert "memory" in run["state"]["message"]
    assert "killed" in run["state"]["message"].lower()


def test_a_run_has_the_memory_that_its_deployment_gives_it(
    vm: VirtualMachine, faults: Faults
) -> None:
    vm.shell("systemctl set-property --runtime prefect.slice MemoryMax=5G")
    run = faults.ended(faults.start("take", memory_max="5G"))
    vm.shell("systemctl set-property --runtime prefect.slice MemoryMax=500M")
    assert run["state_type"] == "COMPLETED", run["state"]


def test_numpy_and_the_tools_of_the_system_work(vm: VirtualMachine, faults: Faults) -> None:
    bring_numpy(vm)
    for how in ("multiply", "call_tools"):
        run = faults.ended(faults.start(how))
        assert run["state_type"] == "COMPLETED", run["state"]


def test_the_kernel_names_the_call_that_ended_a_run(vm: VirtualMachine, faults: Faults) -> None:
    message = faults.killed_by_the_sandbox()["state"]["message"]
    (command,) = re.findall("'(journalctl .*?)'", message)
    # `mount`, as the flow called it.
    assert "arch=c000003e syscall=165 " in vm.shell(f"{command} --no-pager")


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


def test_after_power_was_lost_the_worker_is_back_by_itself(
    site: Site, vm: VirtualMachine, faults: Faults
) -> None:
    boot, run = vm.shell(BOOT), faults.held()
    # Not by this connection, which would never hear of its end.
    soon = "--on-active=1 --timer-property=AccuracySec=100ms"
    vm.shell(f"systemd-run {soon} reboot --force --force")
    eventually(lambda: vm.ssh(BOOT).stdout not in {"", boot}, 300, "the machine is not back")
    returned = now()
    site.online("shop-reports@vm", returned, seconds=300)
    assert main_pid(vm) > 0
    assert "lost power" in faults.ended(run)["state"]["message"]


def test_after_power_was_lost_the_worker_runs_flows(site: Site, vm: VirtualMachine) -> None:
    run = site.api.run("passing-data/passing_data", seconds=400)
    assert run["state_type"] == "COMPLETED", run["state"]


def test_after_power_was_lost_there_is_nothing_to_change(site: Site, vm: VirtualMachine) -> None:
    assert site.play({"vm": vm}, **SLOW).succeeded().changed["vm"] == 0
