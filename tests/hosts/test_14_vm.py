"""One real machine, with a kernel of its own, that is rebooted in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.hosts.control.observe import UNIT, main_pid, shown
from tests.hosts.control.server import eventually, now
from tests.hosts.control.site import Site
from tests.hosts.machines.vm import VirtualMachine

# Emulated, so about eight times as slow as anything else.
SLOW: dict[str, Any] = {"prefect_worker_timeout": 600, "prefect_worker_memory_max": "1G"}
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


def test_the_kernel_enforces_the_limit_of_memory(vm: VirtualMachine) -> None:
    group = shown(vm, UNIT, "ControlGroup")["ControlGroup"]
    assert vm.shell(f"cat /sys/fs/cgroup{group}/memory.max").strip() == str(1024**3)


def test_after_a_reboot_the_worker_is_back_by_itself(site: Site, vm: VirtualMachine) -> None:
    boot = vm.shell(BOOT)
    vm.ssh("sudo systemctl reboot")
    eventually(lambda: vm.ssh(BOOT).stdout not in {"", boot}, 300, "the machine is not back")
    returned = now()
    site.online("shop-reports@vm", returned, seconds=300)
    assert main_pid(vm) > 0


def test_after_a_reboot_the_worker_runs_flows(site: Site, vm: VirtualMachine) -> None:
    run = site.api.run("passing-data/passing_data", seconds=400)
    assert run["state_type"] == "COMPLETED", run["state"]


def test_after_a_reboot_there_is_nothing_to_change(site: Site, vm: VirtualMachine) -> None:
    assert site.play({"vm": vm}, **SLOW).succeeded().changed["vm"] == 0
