"""What `infrastructure/alerts.yaml` says is sent by the server, once, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.ports import free_port
from tests.project.api import Api
from tests.project.baked import Make
from tests.project.processes import wait_until
from tests.project.sink import Sink, sink

pytestmark = pytest.mark.usefixtures("worker")

SECRETS = {
    f"{chat.upper()}_{kind}": chat
    for chat, kind in {
        "slack": "WEBHOOK_URL",
        "mattermost": "WEBHOOK_URL",
        "discord": "WEBHOOK_URL",
        "teams": "WORKFLOW_URL",
        "pagerduty": "EVENTS_URL",
    }.items()
}
KEY = "key-of-today"
AWAY = "{url: 'http://127.0.0.1:%d/', body: {text: '{{subject}}'}}"
ELSEWHERE = "shop-elsewhere"
STORED = ("block_documents", "automations")


@pytest.fixture(scope="module")
def file(project: Path) -> Iterator[Path]:
    """The file, which is gone after the tests."""
    found = project / "infrastructure" / "alerts.yaml"
    yield found
    found.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def there() -> Iterator[Sink]:
    """Whoever is told."""
    with sink() as found:
        yield found


@pytest.fixture(scope="module")
def secrets(there: Sink) -> dict[str, str]:
    """What the environment gives to channels."""
    addresses = {name: f"{there.url}/{chat}" for name, chat in SECRETS.items()}
    return {**addresses, "PAGERDUTY_ROUTING_KEY": KEY}


@pytest.fixture(scope="module")
def made(file: Path, project: Path, api: Api, make: Make, secrets: dict[str, str]) -> str:
    """Bootstrap with the documentation's example, each chat being told of failed runs."""
    text = (project / "docs" / "alerts.md").read_text(encoding="utf-8")
    example = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    example["channels"]["away"] = yaml.safe_load(AWAY % free_port())
    example["alerts"]["failed-runs"]["to"] = ["away", *SECRETS.values()]
    example["alerts"]["late-runs"] |= {"minutes": 1, "pools": [ELSEWHERE]}
    example["alerts"]["no-worker"]["pools"] = [ELSEWHERE]
    # Not ready, too, before it has a worker.
    api.request("POST", "/work_pools/", {"name": ELSEWHERE, "type": "process"})
    file.write_text(yaml.safe_dump(example), encoding="utf-8")
    first = make("bootstrap", **secrets)
    assert first.returncode == 0, first.stderr
    return first.stdout


def test_each_line_says_what_was_done_and_a_second_run_changes_nothing(
    made: str, make: Make, secrets: dict[str, str]
) -> None:
    assert "channel slack: created\n" in made
    assert "alert failed-runs: created\n" in made
    again = make("bootstrap", **secrets).stdout.splitlines()
    assert all(line.endswith(": unchanged") for line in again), again


def test_secrets_are_shown_by_nothing(made: str, api: Api) -> None:
    shown = [made, *(str(api.request("POST", f"/{what}/filter", {})) for what in STORED)]
    assert [text for text in shown if KEY in text or "/slack" in text] == []


@pytest.fixture(scope="module")
def waiting(made: str, api: Api) -> str:
    """A run in a pool whose one worker was heard of a moment ago."""
    flow = api.request("GET", "/flows/name/passing-data")["id"]
    body = {"name": "elsewhere", "flow_id": flow, "work_pool_name": ELSEWHERE}
    deployment = api.request("POST", "/deployments/", body)["id"]
    worker = {"name": "one", "heartbeat_interval_seconds": 1}
    api.request("POST", f"/work_pools/{ELSEWHERE}/workers/heartbeat", worker)
    return str(api.request("POST", f"/deployments/{deployment}/create_flow_run", {})["id"])


@pytest.fixture(scope="module")
def failed(waiting: str, api: Api, there: Sink) -> str:
    """A run that failed, of which each chat was told."""
    run = api.start("resume_from_failure")
    assert api.ended(run) == "FAILED"
    chats = [f"/{chat}" for chat in SECRETS.values()]
    wait_until(lambda: all(there.to(chat, run) for chat in chats), "all messages")
    return run


def test_a_message_names_flow_run_and_reason_and_its_link_opens(
    failed: str, api: Api, there: Sink
) -> None:
    run = api.request("GET", f"/flow_runs/{failed}")
    subject, told, link = there.to("/slack", failed)[0]["text"].split("\n")
    assert subject == "*resume-from-failure: Failed*"
    assert told == f"{run['name']}: {run['state']['message']}"
    assert link.endswith(f"/flow-run/{failed}")
    page = httpx.get(link, headers={"Accept": "text/html"}, trust_env=False)
    assert page.is_success, page


def test_each_chat_is_sent_what_its_maker_asks_for(failed: str, there: Sink) -> None:
    subject = "resume-from-failure: Failed"
    assert there.to("/mattermost", failed)[0]["text"].startswith(f"**{subject}**\n")
    assert there.to("/discord", failed)[0]["content"].startswith(f"**{subject}**\n")
    card = there.to("/teams", failed)[0]["attachments"][0]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["body"][0]["text"] == subject
    event = there.to("/pagerduty", failed)[0]
    assert event["routing_key"] == KEY
    assert event["event_action"] == "trigger"
    assert event["payload"]["summary"] == subject


def test_a_state_of_any_name_is_told_and_a_long_reason_is_cut_as_chats_would_refuse_it(
    failed: str, api: Api, there: Sink
) -> None:
    deployment = api.request("GET", "/deployments/name/passing-data/passing_data")["id"]
    later = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2099-01-01T00:00:00Z"}}
    path = f"/deployments/{deployment}/create_flow_run"
    run = api.request("POST", path, {"state": later})["id"]
    broken = {"type": "FAILED", "name": "Broken", "message": "x" * 5000}
    api.request("POST", f"/flow_runs/{run}/set_state", {"state": broken, "force": True})
    wait_until(lambda: bool(there.to("/discord", run)), "its message")
    told = there.to("/discord", run)[0]["content"]
    assert told.startswith("**passing-data: Broken**\n")
    assert len(told) < 2000


def test_one_message_for_a_failure_and_none_for_a_retry_that_succeeds(
    failed: str, api: Api, there: Sink
) -> None:
    api.retry(failed)
    wait_until(lambda: api.state(failed) == "COMPLETED", "the end of the retry")
    again = api.start("resume_from_failure")
    assert api.ended(again) == "FAILED"
    wait_until(lambda: bool(there.to("/slack", again)), "the next message")
    assert len(there.to("/slack", failed)) == len(there.to("/slack", again)) == 1


def test_a_late_run_and_a_pool_without_a_worker_are_told_once(waiting: str, there: Sink) -> None:
    late, pool = "passing-data: Late", f"work pool {ELSEWHERE}: not ready"
    wait_until(lambda: bool(there.to("/slack", pool)), f"the pool's message; came {there.came}")
    wait_until(lambda: bool(there.to("/slack", late)), f"the run's message; came {there.came}")
    [of_run], [of_pool] = there.to("/slack", late), there.to("/slack", pool)
    assert f"No worker of the work pool {ELSEWHERE} is online." in of_run["text"]
    assert of_run["text"].endswith(f"/flow-run/{waiting}")
    assert "No worker of it is online." in of_pool["text"]


def test_what_the_file_no_longer_has_is_removed(
    made: str, file: Path, make: Make, api: Api
) -> None:
    file.unlink()
    removed = make("bootstrap").stdout
    assert "automation 'Alert of shop-reports: failed-runs': removed\n" in removed
    assert "channel slack: removed\n" in removed
    names = [each["name"] for each in api.request("POST", "/automations/filter", {})]
    assert names == ["Lost flow runs of shop-reports"]


def test_a_mistake_is_one_sentence_and_nothing_is_made(file: Path, make: Make) -> None:
    file.write_text("alerts: {a: {when: broken, to: [b]}}", encoding="utf-8")
    refused = make("bootstrap")
    file.unlink()
    assert refused.returncode != 0
    assert refused.stderr.startswith("infrastructure/alerts.yaml: alerts.a.when is 'broken': ")
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""
