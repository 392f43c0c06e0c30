"""`make provision` as a user does it, once for all tests that look at what it made."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import httpx

from tests.hosts.control.project import TOOLS
from tests.hosts.control.server import FINAL, eventually
from tests.server.story import CA_BUNDLE, Story

Make = Callable[..., str]
POOL = "shop-reports"
SLEEPING = '''"""A flow that sleeps."""

import time

from prefect_durable import flow


@flow
def sleeping() -> None:
    """Sleep for an hour."""
    time.sleep(3600)
'''
TOTALS = '''"""A flow that cannot be imported without pandas."""

import pandas
from prefect_durable import flow, task


@task
def total(table: pandas.DataFrame) -> dict[str, int]:
    """Add up what each shop has sold."""
    return table.groupby("shop").sold.sum().to_dict()


@flow
def daily_totals() -> dict[str, int]:
    """Return the totals of some shops."""
    return total(pandas.DataFrame({"shop": ["a", "b", "a"], "sold": [1, 2, 3]}))
'''
DEPLOYMENT = """
  - name: sleeping
    entrypoint: shop_reports.flows.sleeping.sleeping
    work_pool: *work_pool
"""


def maker(story: Story) -> Make:
    """Return a function that makes targets as a user does whose shell knows of no API."""
    machine = story.site.machine
    workers = {"vm": {**machine, "prefect_worker_ca_bundle": CA_BUNDLE}}
    story.site.project.change("src/shop_reports/flows/sleeping.py", SLEEPING)
    story.site.project.append("prefect.yaml", DEPLOYMENT)
    known = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {
        **known,
        **story.site.mark,
        "PATH": f"{TOOLS}:{known['PATH']}",
        # A connection kept open from an earlier run could lead to a machine that is gone.
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(story.site.project.folder.parent / "cp"),
    }

    def make(*targets: str) -> str:
        # Plays of the server alone have an inventory of their own.
        story.site.project.inventory(
            {"server": machine}, "prefect_server", {"prefect_workers": workers}
        )
        done = subprocess.run(
            ["make", "--silent", *(targets or ["provision"])],
            cwd=story.site.project.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return make


def provisioned_first(story: Story, make: Make) -> str:
    """Return what the first provision said, with a flow more and an .env of another server."""
    make("flow", "NAME=daily_totals")
    story.site.project.change("src/shop_reports/flows/daily_totals.py", TOTALS)
    story.site.project.require(["pandas"])
    make("lock")
    story.site.project.change(".env", "OTHER=1\nPREFECT_API_URL=http://127.0.0.1:9/api\n")
    (story.site.project.folder / ".env").chmod(0o644)
    return make()


def started(story: Story, deployment: str) -> str:
    """Return the id of a new run."""
    with story.site.member() as client:
        found = asked(client.get(f"/deployments/name/{deployment}"))
        return str(asked(client.post(f"/deployments/{found['id']}/create_flow_run", json={}))["id"])


def state(story: Story, run: str) -> str:
    """Return the type of a run's state."""
    with story.site.member() as client:
        return str(asked(client.get(f"/flow_runs/{run}"))["state_type"])


def ended(story: Story, run: str) -> str:
    """Wait for the end of a run; return the type of its state."""
    return eventually(
        lambda: found if (found := state(story, run)) in FINAL else None, 240, "it does not end"
    )


def all_completed(story: Story, run: str) -> bool:
    """Return whether a run has task runs in the record, and all COMPLETED."""
    recorded = story.site.recorded(run)
    return recorded["all"] == recorded["COMPLETED"] > 0


def asked(answer: httpx.Response) -> dict[str, str]:
    """Return the body of an answer that has to be a good one."""
    assert answer.is_success, answer.text
    found: dict[str, str] = answer.json()
    return found
