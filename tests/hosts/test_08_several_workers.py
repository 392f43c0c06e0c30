"""Several workers live on one machine without noticing each other."""

from __future__ import annotations

from typing import Any

from tests.hosts.control.observe import UNIT, main_pid, releases
from tests.hosts.control.playbook import play
from tests.hosts.control.server import now
from tests.hosts.control.site import VARIABLES, Site
from tests.hosts.machines.container import Container

SECOND: dict[str, Any] = {"prefect_worker_name": "second", "prefect_worker_pool": "second"}
THIRD = {**SECOND, "prefect_worker_project": "third", "prefect_worker_user": "third"}
SECOND_UNIT = "prefect-worker-second.service"


def test_a_second_worker_does_not_touch_the_first(site: Site, host: Container) -> None:
    site.api.create_pool("second")
    pid, started = main_pid(host), now()
    site.play(host, **SECOND).succeeded()
    assert main_pid(host) == pid
    site.online("second@worker", started, pool="second", seconds=5)
    site.online("shop-reports@worker", started)


def test_a_change_of_one_does_not_restart_the_other(site: Site, host: Container) -> None:
    first, second = main_pid(host), main_pid(host, SECOND_UNIT)
    site.play(host, **SECOND, prefect_worker_limit=2).succeeded()
    assert main_pid(host) == first
    assert main_pid(host, SECOND_UNIT) != second


def test_removing_one_leaves_the_other_running(site: Site, host: Container) -> None:
    pid, started = main_pid(host), now()
    site.play(host, **SECOND, prefect_worker_state="absent").succeeded()
    assert main_pid(host) == pid
    assert host.ssh(f"systemctl cat {SECOND_UNIT}").returncode != 0
    assert UNIT in host.shell("ls /etc/systemd/system")
    site.online("shop-reports@worker", started)
    assert site.api.run("passing-data/passing_data")["state_type"] == "COMPLETED"


def test_a_user_of_its_own_goes_with_a_worker(site: Site, host: Container) -> None:
    site.play(host, **THIRD, prefect_worker_smoke_test=False).succeeded()
    host.shell("getent passwd third")
    site.play(host, **THIRD, prefect_worker_state="absent").succeeded()
    assert host.ssh("getent passwd third").returncode == 2
    host.shell("getent passwd prefect && ls -d /opt/prefect/uv")
    assert site.api.run("passing-data/passing_data")["state_type"] == "COMPLETED"


def test_two_of_one_project_are_made_at_once_on_a_bare_machine(site: Site) -> None:
    machine = site.lab.container("trixie", "shared")
    machine.start()
    machine.wait()
    project, started = site.project.copy("shared"), now()
    first = {**site.address(machine), **VARIABLES}
    project.inventory({"shared": first, "shared-second": {**first, **SECOND}})
    arguments = ("-e", "prefect_worker_serial=2")
    play(project, *arguments, environment=site.environment).succeeded()
    assert len(releases(machine)) == 1
    site.online("shop-reports@shared", started)
    site.online("second@shared-second", started, pool="second")
    machine.kill()
