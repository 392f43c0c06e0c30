"""A machine that never comes back: others find its runs by the heartbeats that are missing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.hosts.control.faults import WORKER, Faults
from tests.hosts.control.site import Site
from tests.hosts.control.story import Story
from tests.hosts.machines.container import Container

# Prefect's least, and what the automation waits for then, in seconds.
HEARTBEAT, SILENCE = 30, 75
# In seconds, until somebody would have run it again.
CHECKED = 75
OFTEN = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT)}


@pytest.fixture(scope="module")
def lost(site: Site, trixie: Story) -> Iterator[Faults]:
    """The runs of the machine that will be lost."""
    _hasten_the_automation(site)
    yield from _machine(site, trixie, "lost")


@pytest.fixture(scope="module")
def spare(site: Site, trixie: Story) -> Iterator[Faults]:
    """The runs of the machine that takes over; its worker rests for now."""
    for faults in _machine(site, trixie, "spare"):
        faults.host.shell(f"systemctl stop {WORKER}")
        yield faults


def _machine(site: Site, story: Story, name: str) -> Iterator[Faults]:
    machine: Container = site.lab.container("trixie", name, story.layers)
    machine.start()
    machine.wait()
    site.play({name: machine}, prefect_worker_environment=OFTEN).succeeded()
    yield Faults(site.api, site.pool, machine)
    machine.kill()


def test_a_run_that_was_only_not_heard_goes_on(spare: Faults, lost: Faults) -> None:
    """Its own machine says so, before the other would run it again."""
    run = lost.held(flow="retried")
    silent = {"type": "CRASHED", "name": "Crashed", "message": "No heartbeat for 600 seconds."}
    lost.api.request("POST", f"/flow_runs/{run}/set_state", {"state": silent})
    lost.becomes(run, lambda found: found["state_type"] == "RUNNING", 60)
    time.sleep(CHECKED)
    lost.let_go(run)
    assert lost.ended(run)["state_type"] == "COMPLETED"
    assert lost.history(run).count("Crashed") == 1
    assert lost.steps(run) == ["before", "after"]


def test_runs_of_a_lost_machine_are_found_and_run_again_elsewhere(
    spare: Faults, lost: Faults
) -> None:
    once, again = lost.held(), lost.held(flow="retried")
    lost.host.kill()
    spare.host.shell(f"systemctl start {WORKER}")
    alive = spare.held()
    assert spare.said(once, "No heartbeat", 2 * SILENCE)["state_type"] == "CRASHED"
    spare.begun_again(again, 2 * SILENCE)
    spare.eventually(lambda: spare.steps(again), 60, again)
    spare.let_go(again)
    assert spare.ended(again)["state_type"] == "COMPLETED"
    assert "Crashed" in spare.history(again)
    spare.let_go(alive)
    assert spare.ended(alive)["state_type"] == "COMPLETED"
    assert "Crashed" not in spare.history(alive)


def _hasten_the_automation(site: Site) -> None:
    (found,) = site.api.request("POST", "/automations/filter", {})
    number = found.pop("id")
    trigger = {**found["trigger"], "within": SILENCE}
    kept = {name: found[name] for name in ("name", "description", "actions")}
    site.api.request("PUT", f"/automations/{number}", {**kept, "trigger": trigger})
