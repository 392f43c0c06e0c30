"""However a run's process ends, the API knows at once, and in words."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from tests.hosts.control.faults import WORKER, Faults
from tests.hosts.control.server import moment, now
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container
from tests.hosts.suites import on_each

pytestmark = on_each


@pytest.fixture(scope="module")
def faults(site: Site, host: Container) -> Faults:
    """The machine's runs."""
    return Faults(site.api, site.pool, host)


def test_a_killed_run_is_reported_within_five_seconds(faults: Faults) -> None:
    run = faults.held()
    killed = now()
    faults.kill(faults.unit(run))
    state = faults.ended(run)["state"]
    assert state["message"] == "Killed by signal 9 (SIGKILL)."
    assert moment(state["timestamp"]) - killed < timedelta(seconds=5)
    assert faults.steps(run) == ["before"]


def test_a_run_that_segfaults_is_reported(faults: Faults) -> None:
    run = faults.ended(faults.start("segfault"))
    assert run["state"]["message"] == "Killed by signal 11 (SIGSEGV)."


def test_a_run_that_the_sandbox_ends_is_reported(faults: Faults) -> None:
    message = faults.killed_by_the_sandbox()["state"]["message"]
    assert message.startswith("Killed by signal 31 (SIGSYS): called what the sandbox forbids")
    assert message.endswith("see prefect_worker_unit_overrides.")


def test_a_run_that_ends_before_its_flow_began_is_reported(faults: Faults) -> None:
    run = faults.ended(faults.start(flow="broken"))
    assert run["state"]["message"] == "Exited with status 1, before the flow began."


def test_a_run_beyond_its_time_is_reported(faults: Faults) -> None:
    run = faults.start("wait", time_max="20s")
    said = faults.said(run, "limit", 60)
    assert said["state_type"] == "CRASHED"
    assert said["state"]["message"] == "Stopped: ran longer than its limit of 20s."


def test_a_limit_that_no_machine_takes_is_refused_by_the_api(faults: Faults) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        faults.start(memory_max="a lot")


def test_a_run_that_asks_for_what_it_cannot_have_is_reported(faults: Faults) -> None:
    run = faults.ended(faults.start(env={"WORD": "\ufdd0"}))
    assert "WORD is not text" in run["state"]["message"]


def test_a_run_that_fills_a_disk_is_reported_with_its_limit(faults: Faults) -> None:
    faults.host.shell("mount -o remount,size=8M /tmp")
    try:
        run = faults.ended(faults.start("fill"))
    finally:
        faults.host.shell("mount -o remount,size=50% /tmp")
    assert run["state_type"] == "FAILED"
    said = r"No space left on device \(/tmp: 8 MiB of memory, 0 MiB free; /var/tmp: \d+ MiB, \d+"
    assert re.search(said, run["state"]["message"]), run["state"]


def test_a_run_that_cannot_be_written_down_is_run(faults: Faults) -> None:
    records = "/var/lib/prefect/shop-reports/runs"
    mount = f"mount -t tmpfs -o size=16k,mode=777 tmpfs {records}"
    faults.host.shell(f"{mount} && dd if=/dev/zero of={records}/full bs=1k status=none || true")
    try:
        run = faults.completed()["id"]
        assert faults.steps(run) == ["before", "after"]
        dies = faults.held()
        faults.kill(faults.unit(dies))
        assert "SIGKILL" in faults.ended(dies)["state"]["message"]
    finally:
        faults.host.shell(f"umount {records}")


def test_a_killed_run_is_run_again_if_its_flow_asks_for_that(faults: Faults) -> None:
    run = faults.held(flow="retried")
    faults.kill(faults.unit(run))
    faults.begun_again(run)
    faults.let_go(run)
    assert faults.ended(run)["state_type"] == "COMPLETED"
    assert faults.steps(run) == ["before", "after"]
    assert "Crashed" in faults.history(run)


def test_a_killed_run_is_run_again_if_its_deployment_asks_for_that(faults: Faults) -> None:
    run = faults.held(crash_retries=1)
    faults.kill(faults.unit(run))
    faults.begun_again(run)
    faults.kill(faults.unit(run))
    assert faults.said(run, "SIGKILL")["state_type"] == "CRASHED"
    assert faults.steps(run) == ["before"]


def test_cancelling_ends_a_run_and_all_of_its_processes(faults: Faults) -> None:
    run = faults.held("breed")
    _cancel(faults, run)
    assert faults.ended(run, 30)["state_type"] == "CANCELLED"
    assert _children(faults) == ""


def test_cancelling_ends_a_run_whose_worker_is_another_one_now(faults: Faults) -> None:
    run = faults.held("breed")
    faults.host.shell(f"systemctl restart {WORKER}")
    _cancel(faults, run)
    assert faults.said(run, "cancelled successfully", 60)["state_type"] == "CANCELLED"
    assert _children(faults) == ""


def _cancel(faults: Faults, run: str) -> None:
    state = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
    faults.api.request("POST", f"/flow_runs/{run}/set_state", state)


def _children(faults: Faults) -> str:
    return faults.host.shell("pgrep --exact sleep || true")
