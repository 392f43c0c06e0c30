"""`absent` removes all that the role made, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.hosts.control.faults import THERE, Faults
from tests.hosts.control.observe import everything, main_pid
from tests.hosts.control.site import REMOVED, Site
from tests.hosts.machines.container import Container
from tests.hosts.suites import on_each

FOLDERS = ("etc/other", "opt/other", "etc/prefect", "opt/prefect/other", "var/lib/prefect")
OTHERS = (*(f"{folder}/kept" for folder in FOLDERS), "etc/systemd/system/other.service")
# What a machine that is given up no longer finds on the computer that plays.
GONE: dict[str, Any] = {
    "prefect_worker_api_url": "",
    "prefect_worker_ca_bundle": "/no/longer/there",
    "prefect_worker_wheelhouse": "/no/longer/there",
}
REFUSAL = (
    "prefect_worker_state=absent removes this worker with its flow runs, and"
    " /var/lib/prefect/shop-reports with every file in it: play it with"
    " prefect_worker_removed=worker to confirm it."
)
pytestmark = on_each
ACCOUNTS = ("etc/passwd", "etc/group", "etc/shadow")


@pytest.fixture(scope="module")
def bare(site: Site, host: Container) -> Iterator[Container]:
    """A machine that never was a worker."""
    machine = site.lab.container(host.suite, f"bare-{host.suite}")
    machine.start()
    machine.wait()
    yield machine
    machine.kill()


def accounts(host: Container) -> list[list[str]]:
    """Who has an account and in which groups, line by line."""
    return [sorted((host.files.root / path).read_text().split()) for path in ACCOUNTS]


def test_absent_stops_a_flow_run_in_flight_and_tells_the_api(site: Site, host: Container) -> None:
    faults = Faults(site.api, site.pool, host)
    run = faults.held()
    # Where polkit allows it, a flow can have its user's own systemd started.
    host.shell("loginctl enable-linger prefect && systemctl start user@$(id -u prefect)")
    for path in OTHERS:
        host.shell(f"mkdir -p $(dirname /{path}) && touch /{path}")
    # A name that only another machine has, and a play that only looks.
    pid = main_pid(host)
    refused = site.play(host, **{**REMOVED, "prefect_worker_removed": "vm2"}, **GONE)
    assert refused.objections == {"worker": REFUSAL}
    site.play(host, "--check", prefect_worker_state="absent", **GONE).succeeded()
    assert main_pid(host) == pid
    # As a script says it, which removes machines by many names.
    word = "prefect_worker_removed={{ inventory_hostname }}"
    site.play(host, "-e", word, prefect_worker_state="absent", **GONE).succeeded()
    assert faults.said(run, "by an operator")["state_type"] == "CRASHED"


def test_absent_leaves_the_machine_as_it_was(host: Container, bare: Container) -> None:
    host.shell(f"rm -r {THERE}")
    kept = {*OTHERS, *FOLDERS, "opt/prefect"}
    assert everything(host) - everything(bare) == kept
    assert everything(bare) - everything(host) == set()
    assert accounts(host) == accounts(bare)


def test_absent_leaves_no_unit_behind(host: Container) -> None:
    # A slice that is empty stays until the machine is started anew.
    kinds = "--type=service,socket,timer"
    assert "prefect" not in host.shell(f"systemctl list-units --all --plain --no-legend {kinds}")


def test_absent_again_changes_nothing(site: Site, host: Container) -> None:
    assert site.play(host, prefect_worker_state="absent").succeeded().changed["worker"] == 0
