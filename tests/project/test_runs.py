"""Every flow, deployed, and run by a worker of its own."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import pytest

from tests.project.api import Api
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


@pytest.fixture(scope="module")
def runs(api: Api, worker: None) -> dict[str, str]:
    """Start a run of each flow that succeeds."""
    return {flow: api.start(flow) for flow in TASKS}


@pytest.mark.parametrize("flow", TASKS)
def test_it_completes_with_all_its_tasks_and_the_graph_of_its_picture(
    flow: str, runs: dict[str, str], api: Api, project: Path, environment: dict[str, str]
) -> None:
    """The server has every task as completed, and ran them as the committed picture shows."""
    assert api.ended(runs[flow]) == "COMPLETED"
    wait_until(lambda: api.tasks(runs[flow]) == TASKS[flow], f"all tasks of {flow}")
    assert drawn(runs[flow], project, environment) == titles(committed(project, flow))


def test_a_retried_run_does_only_what_had_not_succeeded(
    api: Api, project: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """The first attempt fails for want of a folder; the second one delivers, and only that."""
    outbox = tmp_path / "outbox"
    run = api.start("resume_from_failure", outbox=str(outbox))
    assert api.ended(run) == "FAILED"
    first = {"fetch_orders Completed": 3, "merge Completed": 1, "deliver Failed": 1}
    wait_until(lambda: api.tasks(run) == first, "the tasks of the first attempt")

    outbox.mkdir()
    api.retry(run)
    wait_until(lambda: (outbox / "orders.csv").is_file(), "the delivery")
    assert api.ended(run) == "COMPLETED"
    second = {"fetch_orders Cached": 3, "merge Cached": 1, "deliver Completed": 1}
    wait_until(lambda: api.tasks(run, attempt=2) == second, "the tasks of the second attempt")
    assert len((outbox / "orders.csv").read_text(encoding="utf-8").splitlines()) == 9
    picture = committed(project, "resume_from_failure")
    assert drawn(run, project, environment) == titles(picture)


def committed(project: Path, flow: str) -> str:
    """Return the picture of a flow that the project has."""
    return (project / "docs" / "graphs" / f"{flow}.svg").read_text(encoding="utf-8")


def drawn(run: str, project: Path, environment: dict[str, str]) -> Counter[str]:
    """Draw a run as a user does, and return what the picture shows."""
    picture = project.parent / f"{run}.svg"
    command = [".venv/bin/python", "-m", "shop_reports.run_graph", run, str(picture)]
    subprocess.run(command, cwd=project, env=environment, check=True)
    return titles(picture.read_text(encoding="utf-8"))


def titles(svg: str) -> Counter[str]:
    """Return the nodes of a picture with their states, and its edges."""
    shown = Counter[str]()
    for element in ElementTree.fromstring(svg).iter():
        title = element.find("{http://www.w3.org/2000/svg}title")
        if title is not None:
            shown[f"{title.text} {element.get('data-state', '')}".strip()] += 1
    return shown
