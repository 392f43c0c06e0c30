"""`make provision` as a user does it, once for all tests that look at what it made."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from types import MappingProxyType

import httpx

from tests.hosts.control.project import TOOLS
from tests.hosts.control.server import FINAL, eventually
from tests.server.story import CA_BUNDLE, Story

POOL = "shop-reports"
WAVES, WIDTH = 30, 2
LONG = f'''"""A flow that takes a while."""

import time

from prefect_durable import flow, task


@task
def step(wave: int, number: int) -> int:
    """Return the number after a second."""
    time.sleep(1)
    return number


@flow
def waves() -> None:
    """Call a task often."""
    for wave in range({WAVES}):
        for future in step.map(wave, range({WIDTH})):
            future.result()
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
  - name: waves
    entrypoint: shop_reports.flows.waves.waves
    work_pool: *work_pool
"""


class Make:
    """Makes targets as a user does whose shell knows of no API."""

    def __init__(self, story: Story) -> None:
        """Give the project a flow more."""
        self._story = story
        story.site.project.change("src/shop_reports/flows/waves.py", LONG)
        story.site.project.append("prefect.yaml", DEPLOYMENT)

    def __call__(self, *targets: str) -> str:
        """Return what was said by the targets, or by `make provision`."""
        return self._run("make", "--silent", *(targets or ["provision"]))

    def site(self, *arguments: str, known: Mapping[str, str]) -> str:
        """Return what was said by `ansible-playbook ansible/site.yml` to a shell with this."""
        return self._run("ansible-playbook", "ansible/site.yml", *arguments, more=known)

    def _run(self, *command: str, more: Mapping[str, str] = MappingProxyType({})) -> str:
        site = self._story.site
        # Plays of the server alone have an inventory of their own.
        workers = {"vm": {**site.machine, "prefect_worker_ca_bundle": CA_BUNDLE}}
        site.project.inventory(
            {"server": site.machine}, "prefect_server", {"prefect_workers": workers}
        )
        known = {name: each for name, each in os.environ.items() if not name.startswith("PREFECT_")}
        environment = {
            **known,
            **more,
            **site.mark,
            "PATH": f"{TOOLS}:{known['PATH']}",
            # A connection kept open from an earlier run could lead to a machine that is gone.
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(site.project.folder.parent / "cp"),
        }
        done = subprocess.run(
            command,
            cwd=site.project.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


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
