"""Workers of a laptop, and what becomes of their runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.project.api import Api
from tests.project.baked import Make
from tests.project.processes import running, wait_until

LONG = """
import time

from prefect import flow


@flow
def calendar():
    time.sleep(600)
"""
# As a module of Python's is called, which it uses.
SHORT = """
from calendar import isleap
from pathlib import Path

from prefect_durable import flow


@flow
def calendar():
    assert Path("prefect.yaml").exists()
    assert isleap(2028)
"""
ENTRY = """deployments:
  - name: calendar
    entrypoint: shop_reports.flows.calendar.calendar
    work_pool: *work_pool
"""


@contextmanager
def deployed(project: Path, make: Make, flow: str, pool: str) -> Iterator[None]:
    """Have a flow as the only deployment, in a pool that no other worker serves."""
    entries = project / "prefect.yaml"
    original = entries.read_text(encoding="utf-8")
    module = project / "src/shop_reports/flows/calendar.py"
    try:
        module.write_text(flow, encoding="utf-8")
        head = original.partition("deployments:\n")[0]
        served = head.replace('    name: "shop-reports"', f'    name: "{pool}"')
        assert served != head
        entries.write_text(served + ENTRY, encoding="utf-8")
        assert make("bootstrap").returncode == 0
        assert make("deploy").returncode == 0
        yield
    finally:
        module.unlink()
        entries.write_text(original, encoding="utf-8")


def test_a_run_in_flight_is_crashed_within_seconds_of_an_interrupt(
    project: Path, environment: dict[str, str], api: Api, make: Make
) -> None:
    log = project.parent / "interrupted-worker.log"
    command = (".venv/bin/python", "-m", "tools.worker")
    env = environment | {"PROJECT_DIR": str(project)}
    with (
        deployed(project, make, LONG, "interrupted"),
        running(*command, cwd=project, env=env, log=log) as worker,
    ):
        run = api.start("calendar")
        wait_until(lambda: api.state(run) == "RUNNING", "a run in flight")
        os.kill(worker.pid, signal.SIGINT)
        assert api.ended(run) == "CRASHED"
        assert worker.wait(timeout=240) == 0
    found = api.request("GET", f"/flow_runs/{run}")
    assert found["state"]["message"] == "Its worker was stopped, and the run with it."


def test_the_command_of_prefects_hint_works_from_any_folder_of_the_project(
    project: Path, environment: dict[str, str], api: Api, make: Make
) -> None:
    folder = project / "src" / "shop_reports"
    log = project.parent / "hinted-worker.log"
    command = ("../../.venv/bin/prefect", "worker", "start", "--pool", "hinted")
    with (
        deployed(project, make, SHORT, "hinted"),
        running(*command, cwd=folder, env=environment, log=log),
    ):
        run = api.start("calendar")
        assert api.ended(run) == "COMPLETED", log.read_text()
