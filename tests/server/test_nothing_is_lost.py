"""Services come and go; a flow that COMPLETED has all of its task runs in the record."""

from __future__ import annotations

import pytest

from tests.hosts.control.server import eventually
from tests.server.story import ANOTHER_KEY, SECRETS, Story

NUMBER = 200


def test_all_task_runs_are_recorded(story: Story) -> None:
    run = story.site.completed(story.site.flow(1, NUMBER))
    story.site.require_recorded(run, NUMBER)


def test_queued_task_runs_survive_a_restart_of_everything(story: Story) -> None:
    story.host.shell("systemctl stop prefect-services")
    run = story.site.completed(story.site.flow(1, NUMBER))
    assert story.site.recorded(run)["COMPLETED"] < NUMBER
    story.host.shell("systemctl restart prefect-redis postgresql prefect-server prefect-proxy")
    story.host.shell("systemctl start prefect-services")
    eventually(lambda: is_ready(story), 120, "the API is not ready again")
    story.site.require_recorded(run, NUMBER)


@pytest.mark.parametrize("unit", ["prefect-services", "postgresql"])
def test_a_restart_while_a_flow_runs_loses_nothing(story: Story, unit: str) -> None:
    flow = story.site.flow(waves=6, number=10, seconds=0.5)
    eventually(lambda: "Finished in state" in story.site.said.read_text(), 60, "no task run ends")
    story.host.shell(f"systemctl restart {unit}")
    story.site.require_recorded(story.site.completed(flow), 60)


def test_an_api_that_is_away_while_a_flow_runs_loses_nothing(story: Story) -> None:
    flow = story.site.flow(waves=6, number=10, seconds=0.5)
    eventually(lambda: "Finished in state" in story.site.said.read_text(), 60, "no task run ends")
    story.host.shell("systemctl stop prefect-server; sleep 30; systemctl start prefect-server")
    story.site.require_recorded(story.site.completed(flow), 60)


def test_a_database_that_is_away_while_a_flow_runs_loses_nothing(story: Story) -> None:
    flow = story.site.flow(waves=6, number=10, seconds=0.5)
    eventually(lambda: "Finished in state" in story.site.said.read_text(), 60, "no task run ends")
    # Its cluster alone, as in an upgrade of the package or a crash.
    units = story.host.shell("systemctl list-units --plain --no-legend 'postgresql@*'")
    name = units.split()[0]
    story.host.shell(f"systemctl stop {name}; sleep 30; systemctl start {name}")
    story.site.require_recorded(story.site.completed(flow), 60)


def test_a_server_that_lost_its_secrets_makes_no_others(story: Story) -> None:
    story.host.shell(f"mv {SECRETS} {SECRETS}.away")
    lost = story.site.play()
    story.host.shell("systemctl stop postgresql")
    unsure = story.site.play()
    story.host.shell(f"systemctl start postgresql && mv {SECRETS}.away {SECRETS}")
    assert f"{SECRETS} is missing, but the database" in lost.objections["server"]
    assert "PostgreSQL does not do what it is asked" in unsure.objections["server"]


def test_another_encryption_key_is_refused(story: Story) -> None:
    kept = story.host.shell(f"cat {SECRETS}")
    story.host.shell(f"sed -i '{ANOTHER_KEY}' {SECRETS}")
    refused = story.site.play()
    story.host.shell(f"cat > {SECRETS} <<'END'\n{kept}END")
    assert "is not the one that the database" in refused.objections["server"]
    assert story.site.play().succeeded().failed == set()


def test_redis_has_a_ceiling(story: Story) -> None:
    command = "runuser -u prefect-server -- redis-cli -s /run/prefect-redis/redis.sock"
    assert story.host.shell(f"{command} config get maxmemory").split()[1] == str(512 << 20)


def is_ready(story: Story) -> bool:
    """Return whether the API answers that it is ready."""
    with story.site.client() as client:
        return client.get("/ready").is_success
