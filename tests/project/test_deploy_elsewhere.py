"""What only the machine of a worker has, `make deploy` names and registers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.project.api import Api
from tests.project.baked import Make
from tests.project.entries import ELSEWHERE, changed, registered

FLOWS = "src/shop_reports/flows"
DAILY = """from prefect import flow


@flow
def daily_report(shop: str):
    assert shop == "north"
"""
HEAVY = """import nothing_of_this_name
from prefect import flow


@flow(name="heavy-report")
def heavy(size: int = 1):
    pass
"""


@pytest.mark.usefixtures("worker")
def test_what_only_workers_have_is_said_and_registered(
    project: Path, environment: dict[str, str], api: Api, make: Make, tmp_path: Path
) -> None:
    repository(tmp_path, {"reports/daily.py": DAILY})
    api.request("POST", "/work_pools/", {"name": "others", "type": "process"})
    (project / FLOWS / "heavy.py").write_text(HEAVY, encoding="utf-8")
    entries = ELSEWHERE.replace("REPOSITORY", str(tmp_path))
    with changed(project, "deployments:\n", f"deployments:\n{entries}"):
        deployed = make("deploy", BRANCH="of-the-laptop", PRUNE="1")
        checks = [".venv/bin/pytest", "tests/test_prefect_yaml.py"]
        subprocess.run(checks, cwd=project, env=environment, check=True)
    assert deployed.returncode == 0, deployed.stderr
    assert deployed.stdout.splitlines()[:3] == [
        "cloned: its flow is cloned where it runs, not checked here.",
        "heavy: its flow is not checked here, where 'nothing_of_this_name' is not installed.",
        "Pull steps take $BRANCH from their worker's environment, not from here.",
    ]
    assert registered(api).keys() >= {"cloned", "heavy", "wait_for"}
    heavy = api.request("GET", "/deployments/name/heavy-report/heavy")
    assert heavy["parameter_openapi_schema"]["properties"].keys() == {"size"}
    cloned = api.request("GET", "/deployments/name/daily-report/cloned")
    run = api.request("POST", f"/deployments/{cloned['id']}/create_flow_run", {})
    assert api.ended(run["id"]) == "COMPLETED"
    (project / FLOWS / "heavy.py").unlink()
    for deployment in (heavy, cloned):
        api.request("DELETE", f"/deployments/{deployment['id']}")


def repository(folder: Path, files: dict[str, str]) -> None:
    """Make a git repository whose one branch is `trunk`."""
    for path, text in files.items():
        (folder / path).parent.mkdir()
        (folder / path).write_text(text, encoding="utf-8")
    by = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "--initial-branch=trunk"], ["add", "."], ["commit", "--message=first"]):
        subprocess.run(["git", *by, *words], cwd=folder, check=True, capture_output=True)
