"""Every flow, deployed, and run by a worker of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.api import Api
from tests.project.baked import Make
from tests.project.patterns import Picture, drawn, recorded
from tests.project.processes import wait_until

pytestmark = pytest.mark.usefixtures("worker")

# Each flow's own tasks; those of its subflows are in its picture.
TASKS = {
    "passing_data": {
        "fetch_sales Completed": 1,
        "total_revenue Completed": 1,
        "best_seller Completed": 1,
        "write_summary Completed": 1,
    },
    "wait_for": {
        "back_up Completed": 1,
        "prune_orders Completed": 1,
        "rebuild_index Completed": 1,
        "report_disk Completed": 1,
    },
    "subflows": {"compare Completed": 1},
    "dynamic_tasks": {
        "archive_month Completed": 3,
        "open_books Completed": 1,
        "close_month Completed": 3,
    },
    "fan_out": {"write_invoices Completed": 10},
    "fleet": {},
}
PART = "count-stock/count_stock"


@pytest.fixture(scope="module")
def pictures(project: Path) -> dict[str, Picture]:
    """Return what the documentation draws of each pattern."""
    return drawn((project / "docs/patterns.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def runs(api: Api, worker: None) -> dict[str, str]:
    """Start a run of each flow that succeeds."""
    return {flow: api.start(flow) for flow in TASKS}


@pytest.mark.parametrize("flow", TASKS)
def test_it_completes_with_all_its_tasks_as_the_documentation_draws_them(
    flow: str, runs: dict[str, str], api: Api, pictures: dict[str, Picture]
) -> None:
    assert api.ended(runs[flow]) == "COMPLETED"
    wait_until(lambda: api.tasks(runs[flow]) == TASKS[flow], f"all tasks of {flow}")
    wait_until(lambda: recorded(api, runs[flow]) == pictures[flow], f"the picture of {flow}")


def test_a_retried_run_does_only_what_had_not_succeeded(
    api: Api, pictures: dict[str, Picture]
) -> None:
    run = api.start("resume_from_failure")
    assert api.ended(run) == "FAILED"
    first = {"fetch_orders Completed": 3, "merge Completed": 1, "deliver Failed": 1}
    wait_until(lambda: api.tasks(run) == first, "the tasks of the first attempt")
    wait_until(lambda: recorded(api, run) == pictures["resume_from_failure"], "its picture")

    api.retry(run)
    second = {"fetch_orders Cached": 3, "merge Cached": 1, "deliver Completed": 1}
    wait_until(lambda: api.tasks(run, attempt=2) == second, "the tasks of the second attempt")
    assert api.ended(run) == "COMPLETED"


def test_parts_of_a_flow_that_is_run_here_are_left_to_workers_or_refused(
    api: Api, make: Make
) -> None:
    done = make("run", FLOW="fleet", PARAMETERS='{"shops": ["harbour"]}')
    assert done.returncode == 0, done.stderr
    (part,) = re.findall("{'harbour': '(.+)'}", done.stdout)
    runs = parts(api)
    assert part in runs
    pool = {"name": "idle", "type": "process"}
    api.request("POST", "/work_pools/", pool)
    deployment = api.request("GET", f"/deployments/name/{PART}")
    path = f"/deployments/{deployment['id']}"
    api.request("PATCH", path, {"work_pool_name": pool["name"]})
    try:
        refused = make("run", FLOW="fleet")
    finally:
        api.request("PATCH", path, {"work_pool_name": deployment["work_pool_name"]})
    assert refused.returncode != 0
    sentence = f"No worker of the work pool 'idle' is online to run '{PART}': a flow that runs "
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr
    # A worker that comes later starts nothing.
    assert parts(api) == runs


def parts(api: Api) -> set[str]:
    """Return the runs of the deployment that `fleet` runs."""
    of_parts = {"deployments": {"name": {"any_": ["count_stock"]}}}
    return {run["name"] for run in api.request("POST", "/flow_runs/filter", of_parts)}


def test_each_pattern_is_documented(project: Path, pictures: dict[str, Picture]) -> None:
    flows = (project / "src/shop_reports/flows").glob("[!_]*.py")
    assert set(pictures) == {flow.stem for flow in flows}
