"""`make worker` that is interrupted says what became of its runs."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.project.api import Api
from tests.project.baked import Make
from tests.project.processes import running, wait_until

LONG = """
import time

from prefect import flow


@flow
def long():
    time.sleep(600)
"""
# In a pool that no other worker serves.
POOL = "interrupted"
ENTRY = """deployments:
  - name: long
    entrypoint: src/shop_reports/flows/long.py:long
    work_pool: *work_pool
"""


def test_a_run_in_flight_is_crashed_within_seconds_of_an_interrupt(
    project: Path, environment: dict[str, str], api: Api, make: Make
) -> None:
    entries = project / "prefect.yaml"
    original = entries.read_text(encoding="utf-8")
    flow = project / "src/shop_reports/flows/long.py"
    try:
        flow.write_text(LONG, encoding="utf-8")
        head = original.partition("deployments:\n")[0]
        served = head.replace('    name: "shop-reports"', f'    name: "{POOL}"')
        assert served != head
        entries.write_text(served + ENTRY, encoding="utf-8")
        assert make("bootstrap").returncode == 0
        assert make("deploy").returncode == 0
        log = project.parent / "interrupted-worker.log"
        command = (".venv/bin/python", "-m", "tools.worker")
        project_dir = {"PROJECT_DIR": str(project)}
        with running(*command, cwd=project, env=environment | project_dir, log=log) as worker:
            run = api.start("long")
            wait_until(lambda: api.state(run) == "RUNNING", "a run in flight")
            os.kill(worker.pid, signal.SIGINT)
            assert api.ended(run) == "CRASHED"
            assert worker.wait(timeout=60) == 0
        found = api.request("GET", f"/flow_runs/{run}")
        assert found["state"]["message"] == "Its worker was stopped, and the run with it."
    finally:
        flow.unlink()
        entries.write_text(original, encoding="utf-8")
