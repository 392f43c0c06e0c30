"""`make provision` makes one machine a server and a worker, from the inventory alone."""

from __future__ import annotations

from tests.hosts.control.observe import main_pid
from tests.hosts.control.server import eventually
from tests.server.provision import POOL, Make, all_completed, ended, started, state
from tests.server.story import SECRETS, Story

FLOW = "passing-data"


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
