"""The machine goes down, has a limit, is emptied: no run is forgotten and none runs twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hosts.control.faults import WORKER, Faults
from tests.hosts.control.observe import shown
from tests.hosts.control.server import eventually
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container


@pytest.fixture(scope="module")
def faults(site: Site, host: Container) -> Faults:
    """The machine's runs."""
    return Faults(site.api, site.pool, host)


def test_runs_of_a_machine_that_lost_power_are_reported_and_run_again(
    site: Site, faults: Faults
) -> None:
    once, again = faults.held(), faults.held(flow="retried")
    faults.host.kill()
    faults.host.start()
    faults.host.wait()
    assert "lost power" in faults.ended(once, 60)["state"]["message"]
    faults.begun_again(again)
    faults.let_go(again)
    assert faults.ended(again)["state_type"] == "COMPLETED"
    assert faults.steps(again) == ["before", "after"]
    assert site.play(faults.host).succeeded().changed["worker"] == 0


def test_runs_of_a_machine_that_is_shut_down_are_reported(faults: Faults) -> None:
    run = faults.held()
    faults.host.stop()
    assert "shut down" in faults.said(run, "shut down", 5)["state"]["message"]
    faults.host.start()
    faults.host.wait()
    faults.completed()


@pytest.mark.parametrize(
    "order",
    [
        ["prefect-run-shop-reports@*", "prefect-start-shop-reports*", WORKER],
        [WORKER, "prefect-start-shop-reports*", "prefect-run-shop-reports@*"],
        ["prefect-start-shop-reports*", WORKER, "prefect-run-shop-reports@*"],
    ],
    ids=["runs-first", "worker-first", "starter-first"],
)
def test_stopping_everything_by_hand_reports_the_runs(faults: Faults, order: list[str]) -> None:
    run = faults.held()
    for units in order:
        faults.host.shell(f"systemctl stop '{units}'")
    assert "by an operator" in faults.said(run, "by an operator", 20)["state"]["message"]
    faults.host.shell(f"systemctl start {WORKER}")
    faults.completed()


def test_the_pools_limit_holds_when_the_worker_is_restarted(site: Site, faults: Faults) -> None:
    site.api.request("PATCH", f"/work_pools/{site.pool}", {"concurrency_limit": 1})
    try:
        _second_waits_for_the_first(faults)
    finally:
        site.api.request("PATCH", f"/work_pools/{site.pool}", {"concurrency_limit": None})


def test_the_machines_limit_holds_when_the_worker_is_restarted(site: Site, faults: Faults) -> None:
    site.play(faults.host, prefect_worker_limit=1).succeeded()
    _second_waits_for_the_first(faults)


def _second_waits_for_the_first(faults: Faults) -> None:
    first = faults.held()
    faults.host.shell(f"systemctl restart {WORKER}")
    second = faults.start()
    with pytest.raises(AssertionError):
        faults.ended(second, 20)
    assert faults.steps(second) == []
    faults.let_go(first)
    assert faults.ended(second, 120)["state_type"] == "COMPLETED"
    assert faults.steps(second) == ["before", "after"]


def test_draining_takes_no_new_runs_and_waits_for_those_that_are_here(
    site: Site, faults: Faults
) -> None:
    run = faults.held()
    with ThreadPoolExecutor() as pool:
        draining = pool.submit(site.play, faults.host, prefect_worker_state="drained")
        eventually(lambda: _is_stopped(faults), 60, "the worker is not stopped")
        late = faults.start()
        assert not draining.done()
        faults.let_go(run)
        draining.result().succeeded()
    assert faults.run(run)["state_type"] == "COMPLETED"
    assert faults.run(late)["state_type"] == "SCHEDULED"
    site.play(faults.host).succeeded()
    assert faults.ended(late)["state_type"] == "COMPLETED"


def _is_stopped(faults: Faults) -> bool:
    return shown(faults.host, WORKER, "ActiveState")["ActiveState"] == "inactive"
