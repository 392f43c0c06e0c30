"""Three machines, and a rollout that meets a bad one in the middle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hosts.control.observe import main_pid, release
from tests.hosts.control.server import now
from tests.hosts.control.site import WITHOUT_A_RUN, Site
from tests.hosts.control.story import Workers
from tests.hosts.machines.container import Container

NAMES = ("one", "two", "three")
Fleet = dict[str, Container]


@pytest.fixture(scope="module")
def fleet(site: Site, workers: Workers) -> Iterator[Fleet]:
    """Three machines with a release already."""
    machines = {
        name: site.lab.container("trixie", name, workers.layers("trixie")) for name in NAMES
    }
    for machine in machines.values():
        machine.start()
    for machine in machines.values():
        machine.wait()
    yield machines
    for machine in machines.values():
        machine.kill()


def test_a_fleet_is_made_all_at_once_if_asked(site: Site, fleet: Fleet) -> None:
    started = now()
    site.play(fleet, "-e", "prefect_worker_serial=3").succeeded()
    for name in NAMES:
        site.online(f"shop-reports@{name}", started, seconds=30)


def test_one_machine_s_failure_stops_the_rollout(site: Site, fleet: Fleet) -> None:
    old = {name: (release(machine), main_pid(machine)) for name, machine in fleet.items()}
    folder = "/opt/prefect/shop-reports/releases"
    fleet["two"].shell(f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}")
    project = site.project.copy("fleet")
    project.append("src/shop_reports/flows/passing_data.py", "\nROLLED_OUT = True\n")
    started = now()
    played = site.play(fleet, project=project, **WITHOUT_A_RUN)
    assert played.failed == {"two"}, played.text
    assert release(fleet["one"]) != old["one"][0]
    for name in ("two", "three"):
        assert (release(fleet[name]), main_pid(fleet[name])) == old[name], name
    for name in NAMES:
        site.online(f"shop-reports@{name}", started)


def test_a_machine_that_is_gone_costs_the_others_nothing_if_asked(site: Site, fleet: Fleet) -> None:
    gone = site.lab.container("trixie", "gone")
    project = site.project.copy("fleet-without-one")
    project.append("src/shop_reports/flows/wait_for.py", "\nROLLED_OUT = True\n")
    some, old = {"gone": gone, "one": fleet["one"]}, release(fleet["one"])
    refused = site.play(some, project=project, **WITHOUT_A_RUN)
    assert (refused.failed, release(fleet["one"])) == ({"gone"}, old), refused.text
    leave = ("-e", "prefect_worker_leave_unfit=true")
    played = site.play(some, *leave, project=project, **WITHOUT_A_RUN)
    assert (played.code, played.failed) == (4, {"gone"}), played.text
    assert release(fleet["one"]) != old


def test_machines_beside_one_that_fails_are_made_all_the_same(site: Site, fleet: Fleet) -> None:
    """Where several are taken at a time; only those that follow are left alone."""
    old = {name: (release(machine), main_pid(machine)) for name, machine in fleet.items()}
    folder = "/opt/prefect/shop-reports/releases"
    fleet["two"].shell(f"umount {folder}")
    unit = "/etc/systemd/system/prefect-worker-shop-reports.service.d"
    fleet["two"].shell(f"mkdir -p {unit} && echo '[Service]\nExecStartPre=false' >{unit}/zz.conf")
    project = site.project.copy("fleet-of-two")
    project.append("prefect.toml", "\n# Restarts the worker.\n")
    started = now()
    played = site.play(fleet, "-e", "prefect_worker_serial=2", project=project)
    assert (played.code, played.failed) == (2, {"two"}), played.text
    assert release(fleet["one"]) != old["one"][0]
    site.online("shop-reports@one", started, seconds=45)
    assert release(fleet["two"]) == old["two"][0]
    assert (release(fleet["three"]), main_pid(fleet["three"])) == old["three"]
