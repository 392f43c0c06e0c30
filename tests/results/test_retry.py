"""Retry: what had succeeded is not executed again, in every pattern, on another machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.results.lab.browser import draw, press_retry
from tests.results.lab.needs import chromium
from tests.results.lab.programs import wait_until
from tests.results.lab.project import BUILD, Api, Project
from tests.results.lab.seaweed import Seaweed

WAYS = ["api", "cli", *(["ui"] if chromium() else [])]


@dataclass(frozen=True)
class Case:
    """A pattern, the execution of a task that fails, and how often each task is executed in all."""

    deployment: str
    fails: str
    executions: dict[str, int]
    cached: int
    last: str
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the name of the flow."""
        return self.deployment.partition("/")[2]


CASES = [
    Case(
        "passing-data/passing_data",
        "best_seller:1",
        {"fetch_sales": 1, "total_revenue": 1, "best_seller": 2, "write_summary": 1},
        cached=2,
        last="write_summary",
    ),
    Case(
        "wait-for/wait_for",
        "rebuild_index:1",
        {"back_up": 1, "prune_orders": 1, "rebuild_index": 2, "report_disk": 1},
        cached=3,
        last="rebuild_index",
    ),
    Case(
        "subflows/subflows",
        "count_customers:2",
        {"read_till": 2, "count_customers": 3, "compare": 1},
        cached=0,  # the tasks that are Cached belong to the subflow
        last="compare",
    ),
    Case(
        "dynamic-tasks/dynamic_tasks",
        "close_month:2",
        {"archive_month": 3, "open_books": 1, "close_month": 4},
        cached=5,
        last="close_month('June',)",
        parameters={"months": ["May", "May", "June"]},
    ),
    Case(
        "fan-out/fan_out",
        "write_invoices:2",
        {"write_invoices": 4},
        cached=2,
        last="write_invoices",
        parameters={"orders": 300},
    ),
    Case(
        "resume-from-failure/resume_from_failure",
        "",
        {"fetch_orders": 3, "merge": 1, "deliver": 2},
        cached=4,
        last="deliver",
    ),
    Case(
        "mapped/mapped",
        "count_shelf:3",
        {"list_shelves": 1, "count_shelf": 5, "report": 1},
        cached=4,
        last="report",
    ),
]


@pytest.fixture(scope="module")
def retried(s3_project: Project, api: Api, url: str) -> Iterator[dict[str, str]]:
    """Run every pattern into its failure on one machine, and retry it on another one."""
    # Another storage's project has had deployments of the same names.
    s3_project.deploy()
    first = s3_project.worker("first")
    runs = {}
    for case in CASES:
        runs[case.name] = api.start(
            case.deployment,
            s3_project,
            name=case.name,
            fails=case.fails,
            parameters=case.parameters,
        )
    for name, run in runs.items():
        assert api.ended(run)["state_type"] == "FAILED", f"{name}: {api.log(run)}"
    s3_project.programs.stop(first)

    for name in runs:
        (s3_project.counted / f"{name}.mended").touch()
    second = s3_project.worker("second")
    for number, run in enumerate(runs.values()):
        retry(WAYS[number % len(WAYS)], run, s3_project, api, url)
    for run in runs.values():
        api.ended(run, attempt=2)
    if chromium():
        draw(url, runs["resume_from_failure"], BUILD / "retried-run.png")
    yield runs
    s3_project.programs.stop(second)


def retry(way: str, run: str, project: Project, api: Api, url: str) -> None:
    """Retry a run in one of the ways that there are."""
    if way == "api":
        api.retry(run)
    elif way == "cli":
        done = project.run("prefect", "flow-run", "retry", run)
        assert done.returncode == 0, done.stdout + done.stderr
    else:
        press_retry(url, run)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_succeeded_is_executed_once_and_the_run_completes(
    case: Case, retried: dict[str, str], s3_project: Project, api: Api
) -> None:
    run = retried[case.name]
    assert api.get(f"/flow_runs/{run}")["state_type"] == "COMPLETED", api.log(run)
    order = s3_project.order(case.name)
    executions = Counter(call.partition("(")[0] for call in order)
    assert executions == case.executions
    assert order[-1].startswith(case.last)
    wait_until(lambda: api.states(run)["Cached"] == case.cached, f"{api.states(run)}", 60)


def test_a_chain_keeps_its_order_over_the_retry(
    retried: dict[str, str], s3_project: Project
) -> None:
    closed = [c for c in s3_project.order("dynamic_tasks") if c.startswith("close_month")]
    assert closed == [f"close_month('{month}',)" for month in ("May", "May", "May", "June")]


def test_results_are_in_the_bucket_and_nowhere_else(
    retried: dict[str, str], s3_project: Project, seaweed: Seaweed
) -> None:
    assert len(seaweed.kept(s3_project.slug)) > 20
    assert s3_project.left_behind() == []
