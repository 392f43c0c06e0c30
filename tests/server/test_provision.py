"""`make provision` makes one machine a server and a worker, from the inventory alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx
import pytest

from tests.hosts.control.observe import main_pid
from tests.hosts.control.server import eventually
from tests.server.provision import POOL, WAVES, WIDTH, Make, all_completed, ended, started, state
from tests.server.story import SECRETS, Story

FLOW = "passing-data"
WAVES_DEPLOYMENT = "waves/waves"
LOGIN = "PREFECT_API_AUTH_STRING"


@dataclass(frozen=True)
class Rotated:
    """What `site.yml` said while it rotated the login, and the run that was in flight."""

    secrets: dict[str, str]
    run: str
    said: str


def test_provision_ends_with_a_completed_run_and_the_page(story: Story, provisioned: str) -> None:
    proof, page = provisioned.splitlines()[-2:]
    assert re.fullmatch(rf"worker ONLINE: {POOL}@vm in .+; flow run \S+ COMPLETED on .+", proof)
    assert page == f"The page is at {story.site.url}; its login is {LOGIN} in .env."
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


def test_login_gives_another_member_what_clients_need(
    story: Story, provision: Make, provisioned: str
) -> None:
    assert provisioned
    file, authority = story.site.project.folder / ".env", story.site.ca_file
    wanted, root = file.read_text(), authority.read_text()
    file.write_text("OTHER=1\n")
    authority.unlink()
    pid = main_pid(story.host, "prefect-server.service")
    said = provision("login")
    assert sorted(file.read_text().splitlines()) == sorted(wanted.splitlines())
    assert file.stat().st_mode & 0o777 == 0o600
    assert authority.read_text() == root
    assert story.site.secrets()["PREFECT_API_AUTH_STRING"].partition(":")[2] not in said
    assert main_pid(story.host, "prefect-server.service") == pid


def test_a_login_that_is_more_than_a_login_is_not_written(story: Story, provisioned: str) -> None:
    assert provisioned
    before = (story.site.project.folder / ".env").read_text()
    story.host.shell(f"cp --preserve {SECRETS} {SECRETS}.kept")
    line = 'PREFECT_API_AUTH_STRING="x:y"'
    story.host.shell(f"echo '{line}' >> {SECRETS}")
    played = story.site.play(name="login.yml")
    story.host.shell(f"mv {SECRETS}.kept {SECRETS}")
    assert "no PREFECT_API_AUTH_STRING that is one name:password" in played.objections["server"]
    assert (story.site.project.folder / ".env").read_text() == before


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
    run = started(story, WAVES_DEPLOYMENT)
    unit = f"prefect-run-{POOL}@{run}.service"
    eventually(lambda: state(story, run) == "RUNNING", 120, "it does not run")
    story.host.shell(f"systemctl kill --signal=KILL '{unit}'")
    assert ended(story, run) == "CRASHED"


@pytest.fixture(scope="module")
def rotated(story: Story, provision: Make, provisioned: str) -> Rotated:
    """Return what was said by a site.yml that rotates a login that the shell has; without .env."""
    assert provisioned
    secrets = story.site.secrets()
    with story.site.member() as client:
        for automation in automations(client):
            assert client.delete(f"/automations/{automation}").is_success
    run = started(story, WAVES_DEPLOYMENT)
    eventually(lambda: story.site.recorded(run)["COMPLETED"] > 0, 120, "no task run ends")
    (story.site.project.folder / ".env").unlink()
    said = provision.site("-e", "prefect_server_rotate_login=true", known={LOGIN: secrets[LOGIN]})
    return Rotated(secrets, run, said)


def test_a_run_outlasts_a_rotated_login_and_is_recorded(story: Story, rotated: Rotated) -> None:
    assert ended(story, rotated.run) == "COMPLETED"
    story.site.require_recorded(rotated.run, WAVES * WIDTH)


def test_a_login_that_was_rotated_is_refused(story: Story, rotated: Rotated) -> None:
    secrets = story.site.secrets()
    with story.site.client(rotated.secrets[LOGIN]) as client:
        assert client.get("/admin/version").status_code == httpx.codes.UNAUTHORIZED
    key = "PREFECT_SERVER_ENCRYPTION_KEY"
    assert secrets[key] == rotated.secrets[key]
    assert secrets[LOGIN].partition(":")[2] not in rotated.said
    assert f"{LOGIN}={secrets[LOGIN]}" in (story.site.project.folder / ".env").read_text()


def test_site_makes_server_api_and_workers(story: Story, rotated: Rotated) -> None:
    assert "all 5 task runs of it are recorded" in " ".join(rotated.said.split())
    with story.site.member() as client:
        assert automations(client)
    assert ended(story, started(story, "passing-data/passing_data")) == "COMPLETED"


@pytest.mark.long
def test_a_second_provision_restarts_nothing(
    story: Story, provision: Make, provisioned: str
) -> None:
    assert provisioned
    unit = f"prefect-worker-{POOL}.service"
    before = main_pid(story.host, unit), main_pid(story.host, "prefect-server.service")
    said = provision()
    assert said.count("changed=0 ") == 4, said
    assert before == (main_pid(story.host, unit), main_pid(story.host, "prefect-server.service"))


def automations(client: httpx.Client) -> list[str]:
    """Return the ids of the automations that the project made."""
    found = client.post("/automations/filter", json={"limit": 100}).json()
    return [str(each["id"]) for each in found]
