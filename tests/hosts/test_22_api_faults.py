"""The API goes away: runs go on, and what is to be told is told when it is back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.hosts.control.faults import WORKER, Faults
from tests.hosts.control.observe import main_pid
from tests.hosts.control.server import eventually
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container
from tests.hosts.machines.shell import run as call

RECORDS = "/var/lib/prefect/shop-reports/runs/shop-reports"


@pytest.fixture(scope="module")
def faults(site: Site, host: Container) -> Faults:
    """The machine's runs."""
    return Faults(site.api, site.pool, host)


def test_runs_outlast_a_server_that_is_away_for_minutes(site: Site, faults: Faults) -> None:
    goes_on, dies = faults.held(), faults.held()
    # One that would not ask again by itself.
    ends = faults.held(env={"PREFECT_CLIENT_MAX_RETRIES": "0"})
    site.server.stop()
    faults.let_go(ends)
    faults.kill(faults.unit(dies))
    time.sleep(120)
    assert _kept(faults, dies)
    site.server.start()
    assert faults.ended(dies, 20)["state"]["message"] == "Killed by signal 9 (SIGKILL)."
    faults.completed(150)
    faults.let_go(goes_on)
    assert faults.ended(goes_on)["state_type"] == "COMPLETED"
    assert faults.ended(ends, 200)["state_type"] == "COMPLETED"
    assert faults.steps(ends) == faults.steps(goes_on) == ["before", "after"]


def test_runs_outlast_a_network_that_loses_everything(site: Site, faults: Faults) -> None:
    ends, dies = faults.held(), faults.held()
    with _cut_off(site, faults):
        faults.let_go(ends)
        faults.kill(faults.unit(dies))
        time.sleep(40)
        assert _kept(faults, dies)
    assert "SIGKILL" in faults.ended(dies, 40)["state"]["message"]
    assert faults.ended(ends, 120)["state_type"] == "COMPLETED"
    assert faults.steps(ends) == ["before", "after"]


def test_a_key_that_is_revoked_and_given_back_loses_no_report(site: Site, faults: Faults) -> None:
    run, key = faults.held(), site.server.auth_string
    site.server.stop()
    site.server.auth_string = "admin:another-one"
    site.server.start()
    faults.kill(faults.unit(run))
    eventually(lambda: _kept(faults, run), 15, "the report is not kept")
    site.server.stop()
    site.server.auth_string = key
    site.server.start()
    assert "SIGKILL" in faults.ended(run, 30)["state"]["message"]
    faults.completed(120)


def test_a_run_outlasts_its_pool(site: Site, faults: Faults) -> None:
    run = faults.held()
    site.api.request("DELETE", f"/work_pools/{site.pool}")
    time.sleep(10)
    faults.let_go(run)
    assert faults.ended(run)["state_type"] == "COMPLETED"
    site.bootstrap()
    faults.deploy(site.pool)
    faults.completed(120)
    assert main_pid(faults.host, WORKER) > 0


def _kept(faults: Faults, run: str) -> bool:
    return "reason" in faults.host.shell(f"cat {RECORDS}/{run} || true")


@contextmanager
def _cut_off(site: Site, faults: Faults) -> Iterator[None]:
    """Nothing from the machine reaches the server, and nobody tells the machine so."""
    port = site.server.url.split(":")[2].split("/")[0]
    rule = ["INPUT", "-s", faults.host.address, "-p", "tcp", "--dport", port, "-j", "DROP"]
    call(["iptables", "-w", "-I", *rule])
    try:
        yield
    finally:
        call(["iptables", "-w", "-D", *rule])
