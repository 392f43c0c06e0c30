"""A machine that never comes back: others find its runs by the heartbeats that are missing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.hosts.control.faults import WORKER, Faults
from tests.hosts.control.site import Site
from tests.hosts.control.story import Workers

# Prefect's least, and what the automation waits for then, in seconds.
HEARTBEAT, SILENCE = 30, 75
# In seconds, until somebody would have run it again.
CHECKED = 75
OFTEN = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT)}
# Flow runs at a time on a machine.
LIMIT = 3
# As many as `flows/spread.py` starts.
CHILDREN = 7
Machines = list[Faults]


@pytest.fixture(scope="module")
def machines(site: Site, workers: Workers) -> Iterator[Machines]:
    """The machine that will be lost, and two others, whose workers rest for now."""
    _hasten_the_automation(site)
    names = ("lost", "spare", "third")
    made = {name: site.lab.container("trixie", name, workers.layers("trixie")) for name in names}
    for machine in made.values():
        machine.start()
    for machine in made.values():
        machine.wait()
    site.play(
        made,
        "-e",
        "prefect_worker_serial=3",
        prefect_worker_environment=OFTEN,
        prefect_worker_limit=LIMIT,
    ).succeeded()
    found = [Faults(site.api, site.pool, machine) for machine in made.values()]
    for resting in found[1:]:
        resting.host.shell(f"systemctl stop {WORKER}")
    yield found
    for machine in made.values():
        machine.kill()


def test_a_run_that_was_only_not_heard_goes_on(machines: Machines) -> None:
    """Its own machine says so, before another one would run it again."""
    lost = machines[0]
    run = lost.held(flow="retried")
    silent = {"type": "CRASHED", "name": "Crashed", "message": "No heartbeat for 600 seconds."}
    lost.api.request("POST", f"/flow_runs/{run}/set_state", {"state": silent})
    lost.becomes(run, lambda found: found["state_type"] == "RUNNING", 60)
    time.sleep(CHECKED)
    lost.let_go(run)
    assert lost.ended(run)["state_type"] == "COMPLETED"
    assert lost.history(run).count("Crashed") == 1
    assert lost.steps(run) == ["before", "after"]


def test_runs_of_a_lost_machine_are_found_and_run_again_elsewhere(machines: Machines) -> None:
    """Of a run with children on three machines, the child that was lost runs again, as itself."""
    lost, spare, third = machines
    once, again, before = lost.held(), lost.held(flow="retried"), lost.held()
    third.host.shell(f"systemctl start {WORKER}")
    parent = third.start(None, flow="spread")
    third.eventually(lambda: third.is_here(parent), 90, parent)
    spare.host.shell(f"systemctl start {WORKER}")
    lost.let_go(before)
    _have_begun(machines, parent, {"lost": 1, "spare": 3, "third": 2})
    (here,) = (child["id"] for child in third.children(parent) if lost.steps(child["id"]))
    lost.let_go(here)
    _have_begun(machines, parent, {"lost": 2, "spare": 3, "third": 2})
    lost.host.kill()

    assert spare.said(once, "No heartbeat", 2 * SILENCE)["state_type"] == "CRASHED"
    for faults in (spare, third):
        for run in (again, *(child["id"] for child in faults.children(parent))):
            faults.let_go(run)
    spare.begun_again(again, 2 * SILENCE)
    assert spare.ended(again)["state_type"] == "COMPLETED"
    assert "Crashed" in spare.history(again)
    assert third.ended(parent, 2 * SILENCE)["state_type"] == "COMPLETED"
    children = third.children(parent)
    assert Counter(child["state_type"] for child in children) == {"COMPLETED": CHILDREN}
    assert sorted(child["run_count"] for child in children) == [1] * 6 + [2]
    assert sum("Crashed" in third.history(child["id"]) for child in children) == 1


@pytest.mark.long
def test_children_on_all_machines_are_cancelled_with_their_parent(machines: Machines) -> None:
    """Those that no machine has taken yet, too."""
    lost, *left = machines
    lost.host.kill()
    for machine in left:
        machine.host.shell(f"systemctl start {WORKER}")
    parent = left[0].start(None, flow="spread")
    left[0].eventually(lambda: _begun(left, parent).total() == 2 * LIMIT - 1, 90, parent)
    left[0].eventually(lambda: len(left[0].children(parent)) == CHILDREN, 90, parent)
    left[0].api.request("POST", f"/flow_runs/{parent}/set_state", {"state": {"type": "CANCELLING"}})
    runs = [parent, *(child["id"] for child in left[0].children(parent))]
    assert {left[0].ended(run)["state_type"] for run in runs} == {"CANCELLED"}
    assert len(runs) == 1 + CHILDREN


def _have_begun(machines: Machines, parent: str, expected: dict[str, int]) -> None:
    """Wait until so many children have begun on each machine."""
    machines[-1].eventually(lambda: _begun(machines, parent) == expected, 120, parent)


def _begun(machines: Machines, parent: str) -> Counter[str]:
    """Count the children that have begun on each machine."""
    children = [child["id"] for child in machines[0].children(parent)]
    return Counter(
        faults.host.name for faults in machines for child in children if faults.steps(child)
    )


def _hasten_the_automation(site: Site) -> None:
    (found,) = site.api.request("POST", "/automations/filter", {})
    number = found.pop("id")
    trigger = {**found["trigger"], "within": SILENCE}
    kept = {name: found[name] for name in ("name", "description", "actions")}
    site.api.request("PUT", f"/automations/{number}", {**kept, "trigger": trigger})
