"""Whatever becomes of the worker: its runs go on, and the next worker takes new ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hosts.control.faults import WORKER, Faults
from tests.hosts.control.observe import main_pid, release, releases
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container

CURRENT = "/opt/prefect/shop-reports/workers/shop-reports/current"


@pytest.fixture(scope="module")
def faults(site: Site, host: Container) -> Faults:
    """The machine's runs."""
    return Faults(site.api, site.pool, host)


@pytest.fixture(scope="module")
def survivor(faults: Faults) -> Iterator[str]:
    """One run that is there through all of it, and does each of its steps once."""
    run = faults.held()
    yield run
    assert faults.steps(run) == ["before", "after"]


def test_a_run_has_a_unit_and_a_journal_of_its_own(faults: Faults, survivor: str) -> None:
    journal = faults.host.shell(f"journalctl --unit={faults.unit(survivor)} --output=cat")
    assert faults.is_here(survivor)
    assert faults.run(survivor)["name"] in journal


def test_restarting_the_worker_costs_no_run(faults: Faults, survivor: str) -> None:
    before = main_pid(faults.host)
    faults.host.shell(f"systemctl restart {WORKER}")
    assert main_pid(faults.host) != before
    faults.completed()
    assert faults.run(survivor)["state_type"] == "RUNNING"


def test_killing_the_worker_costs_no_run(faults: Faults, survivor: str) -> None:
    faults.kill(WORKER)
    faults.completed()
    assert faults.run(survivor)["state_type"] == "RUNNING"


def test_killing_the_workers_process_alone_costs_no_run(faults: Faults, survivor: str) -> None:
    faults.host.shell(f"kill -TERM {main_pid(faults.host)}")
    faults.completed()
    assert faults.run(survivor)["state_type"] == "RUNNING"


def test_a_worker_that_cannot_start_costs_no_run(faults: Faults, survivor: str) -> None:
    faults.host.shell(f"mv {CURRENT} {CURRENT}.away && systemctl restart {WORKER} || true")
    assert faults.is_here(survivor)
    faults.host.shell(f"mv {CURRENT}.away {CURRENT}")
    faults.completed()
    assert faults.run(survivor)["state_type"] == "RUNNING"


def test_an_upgrade_costs_no_run_and_no_release_in_use(
    site: Site, faults: Faults, survivor: str
) -> None:
    old, new = release(faults.host), site.project.copy("new")
    pids = [main_pid(faults.host)]
    for path in ("src/shop_reports/__init__.py", "prefect.toml"):
        new.append(path, "\n# Another word.\n")
        site.play(faults.host, project=new, prefect_worker_releases_kept=2).succeeded()
        pids.append(main_pid(faults.host))
    # Another code is for runs alone, other settings are the worker's, too.
    assert pids[0] == pids[1] != pids[2]
    assert old in releases(faults.host)
    faults.completed()
    assert faults.run(survivor)["state_type"] == "RUNNING"


def test_a_run_ends_well_without_a_worker(faults: Faults, survivor: str) -> None:
    faults.host.shell(f"systemctl stop {WORKER}")
    faults.let_go(survivor)
    assert faults.ended(survivor)["state_type"] == "COMPLETED"
    faults.host.shell(f"systemctl start {WORKER}")
    assert faults.steps(survivor) == ["before", "after"]


def test_a_run_that_was_taken_but_not_started_is_released(site: Site, faults: Faults) -> None:
    run = faults.start()
    faults.becomes(run, lambda found: found["state_type"] == "PENDING", 30)
    faults.kill(WORKER)
    assert faults.ended(run, 150)["state_type"] == "COMPLETED"
    assert faults.steps(run) == ["before", "after"]


def test_a_run_whose_worker_lost_the_api_before_it_started_it_is_released(faults: Faults) -> None:
    """A worker that is stopped says so, if it is in the middle of taking a run."""
    faults.host.shell(f"systemctl stop {WORKER}")
    run = faults.start()
    message = "Failed to submit flow run to infrastructure: ReadError: "
    state = {"type": "CRASHED", "name": "Crashed", "message": message}
    faults.api.request("POST", f"/flow_runs/{run}/set_state", {"state": state, "force": True})
    faults.becomes(run, lambda found: found["state_type"] == "SCHEDULED", 60)
    faults.host.shell(f"systemctl start {WORKER}")
    assert faults.ended(run)["state_type"] == "COMPLETED"
    assert faults.steps(run) == ["before", "after"]
