"""`make provision` makes one machine a server and a worker, from the inventory alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import httpx
import pytest

from tests.hosts.control.observe import main_pid
from tests.hosts.control.project import TOOLS
from tests.hosts.control.server import FINAL, eventually
from tests.server.story import CA_BUNDLE, Story

Make = Callable[..., str]
POOL = "shop-reports"
FLOW = "passing-data"
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


@pytest.fixture(scope="module")
def provision(story: Story) -> Make:
    """Return a function that makes targets as a user does whose shell knows of no API."""
    machine = story.site.machine
    workers = {"vm": {**machine, "prefect_worker_ca_bundle": CA_BUNDLE}}
    story.site.project.inventory(
        {"server": machine}, "prefect_server", {"prefect_workers": workers}
    )
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


@pytest.fixture(scope="module")
def provisioned(story: Story, provision: Make) -> str:
    """Return what the first provision said, with a flow more and an .env of another server."""
    provision("flow", "NAME=daily_totals")
    story.site.project.change("src/shop_reports/flows/daily_totals.py", TOTALS)
    story.site.project.require(["pandas"])
    provision("lock")
    story.site.project.change(".env", "OTHER=1\nPREFECT_API_URL=http://127.0.0.1:9/api\n")
    (story.site.project.folder / ".env").chmod(0o644)
    return provision()


def test_provision_ends_with_a_completed_run_and_the_page(story: Story, provisioned: str) -> None:
    assert f"The page is at {story.site.url}; its login is" in provisioned
    pids = main_pid(story.host, f"prefect-worker-{POOL}.service")
    with story.site.member() as client:
        runs = client.post("/flow_runs/filter", json={"work_pools": {"name": {"any_": [POOL]}}})
        workers = client.post(f"/work_pools/{POOL}/workers/filter", json={})
    assert [run["state_type"] for run in runs.json()] == ["COMPLETED"]
    assert [worker["status"] for worker in workers.json()] == ["ONLINE"]
    assert pids


def test_env_has_what_clients_need_for_its_owner_alone(story: Story, provisioned: str) -> None:
    file, secrets = story.site.project.folder / ".env", story.site.secrets()
    assert file.stat().st_mode & 0o777 == 0o600
    lines = file.read_text().splitlines()
    assert lines[:2] == ["OTHER=1", f"PREFECT_API_URL={story.site.url}/api"]
    assert f"PREFECT_API_AUTH_STRING={secrets['PREFECT_API_AUTH_STRING']}" in lines
    assert secrets["PREFECT_SERVER_ENCRYPTION_KEY"] not in file.read_text()
    assert secrets["PREFECT_API_AUTH_STRING"].partition(":")[2] not in provisioned


def test_task_runs_of_a_worker_are_recorded(story: Story, provisioned: str) -> None:
    assert provisioned
    run = started(story, "passing-data/passing_data")
    assert ended(story, run) == "COMPLETED"
    eventually(lambda: all_completed(story, run), 60, "its task runs are not recorded")


def test_a_flow_that_imports_pandas_completes(story: Story, provisioned: str) -> None:
    assert provisioned
    assert ended(story, started(story, "daily-totals/daily_totals")) == "COMPLETED"


def test_a_run_of_the_laptop_is_recorded_too(
    story: Story, provision: Make, provisioned: str
) -> None:
    assert provisioned
    said = provision("run", "FLOW=passing_data")
    assert "No Prefect API answers" not in said
    with story.site.member() as client:
        runs = client.post("/flow_runs/filter", json={"flows": {"name": {"any_": [FLOW]}}}).json()
    assert None in [run["deployment_id"] for run in runs]


def test_a_run_that_is_killed_is_reported_through_the_proxy(story: Story, provisioned: str) -> None:
    assert provisioned
    run = started(story, "sleeping/sleeping")
    unit = f"prefect-run-{POOL}@{run}.service"
    eventually(lambda: state(story, run) == "RUNNING", 120, "it does not run")
    story.host.shell(f"systemctl kill --signal=KILL '{unit}'")
    assert ended(story, run) == "CRASHED"


def test_a_second_provision_restarts_nothing(
    story: Story, provision: Make, provisioned: str
) -> None:
    assert provisioned
    unit = f"prefect-worker-{POOL}.service"
    before = main_pid(story.host, unit), main_pid(story.host, "prefect-server.service")
    said = provision()
    assert said.count("changed=0 ") == 4, said
    assert before == (main_pid(story.host, unit), main_pid(story.host, "prefect-server.service"))


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
