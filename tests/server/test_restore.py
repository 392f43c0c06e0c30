"""A blank machine becomes the server again that a backup was made of."""

from __future__ import annotations

import pytest

from tests.hosts.control.observe import main_pid
from tests.hosts.control.playbook import Played
from tests.hosts.control.server import eventually
from tests.server.before import AUTHORITY, DEPLOYMENT, Before
from tests.server.blocks import SECRET, read
from tests.server.provision import ended, started
from tests.server.story import BACKUPS, SECRETS, UNITS, Story, new_key


@pytest.fixture(scope="module")
def before(story: Story, provisioned: str) -> Before:
    """Return the server as it was, and its backup."""
    assert provisioned
    return Before(story)


@pytest.fixture(scope="module")
def blank(story: Story, before: Before) -> Before:
    """Return the server's backup when the server is gone, and its machine blank."""
    gone = story.site.play(prefect_server_state="absent", prefect_server_removed=story.host.address)
    gone.succeeded()
    return before


@pytest.fixture(scope="module")
def restored(blank: Before) -> Played:
    """Return what was said when the backup was restored, from where the play has its own files."""
    here = blank.story.site.ca_file.with_name("restore.age")
    here.write_bytes(blank.file.read_bytes())
    # Opened by the restores that failed, and left by somebody.
    open_session = "systemd-run --quiet --collect --unit=open-session --property=User=postgres"
    blank.story.host.shell(f"{open_session} psql prefect_check -c 'SELECT pg_sleep(3600)'")
    return blank.restore(here)


def test_a_server_is_not_restored_over(story: Story, before: Before) -> None:
    pids = [main_pid(story.host, f"{unit}.service") for unit in UNITS]
    played = before.restore()
    assert "This machine has the database prefect" in played.objections["server"]
    assert pids == [main_pid(story.host, f"{unit}.service") for unit in UNITS]
    assert read(story.site, "restored") == SECRET


def test_a_server_is_not_removed_without_a_word(story: Story, before: Before) -> None:
    played = story.site.play(prefect_server_state="absent", prefect_server_removed="yes")
    assert f"prefect_server_removed={story.host.address} to confirm" in played.objections["server"]
    assert read(story.site, "restored") == SECRET


def test_a_server_that_is_removed_leaves_packages_and_backups(story: Story, blank: Before) -> None:
    require_blank(story)
    assert of_a_server(story) == set()
    story.host.shell("! getent passwd | grep -E '^prefect-(backup|proxy|server):'")
    story.host.shell(f"ls {BACKUPS}/prefect-*.age")
    assert story.host.shell(f"stat -c '%a %U %G' {BACKUPS}").split() == ["700", "root", "root"]
    assert story.host.shell(f"find {BACKUPS} ! -user root -o ! -group root") == ""
    # Of somebody else.
    story.host.shell("cd / && runuser -u postgres createdb prefect")
    again = story.site.play(prefect_server_state="absent").succeeded()
    assert again.changed["server"] == 0
    story.host.shell("cd / && runuser -u postgres dropdb prefect")
    assert blank.file.exists()


def test_a_file_or_a_key_that_is_wrong_touches_no_machine(story: Story, before: Before) -> None:
    stranger = story.site.lab.folder / "stranger.txt"
    new_key(stranger)
    broken = story.site.lab.folder / "broken.age"
    broken.write_bytes(before.file.read_bytes()[:-100])
    refused = [before.restore(key=stranger), before.restore(broken), before.restore(broken / "x")]
    sentences = [played.objections["localhost"] for played in refused]
    assert "no identity matched" in sentences[0]
    assert "broken.age cannot be opened" in sentences[1]
    assert "is no file on this computer" in sentences[2]
    assert all("server" not in played.changed for played in refused)


@pytest.mark.long
def test_a_restore_in_check_mode_changes_nothing(story: Story, blank: Before) -> None:
    blank.restore(None, None, "--check", "--diff").succeeded()
    assert of_a_server(story) == set()


def test_a_backup_whose_key_opens_no_blocks_leaves_the_machine_blank(
    story: Story, blank: Before
) -> None:
    key = blank.secrets["PREFECT_SERVER_ENCRYPTION_KEY"]
    played = blank.restore(blank.changed("secrets.env", key, key[20:40] + key[:20] + key[40:]))
    assert "The encryption key in the backup does not open" in played.objections["server"]
    require_blank(story)


@pytest.mark.long
def test_a_backup_whose_login_is_more_than_a_login_leaves_the_machine_blank(
    story: Story, blank: Before
) -> None:
    old = 'PREFECT_API_AUTH_STRING="'
    played = blank.restore(blank.changed("secrets.env", f"\n{old}", f"\n{old}x y"))
    assert "has no PREFECT_API_AUTH_STRING that is name:password" in played.objections["server"]
    require_blank(story)


def test_a_backup_of_a_newer_prefect_is_refused(story: Story, blank: Before) -> None:
    played = blank.restore(blank.changed("about.json", '"prefect": "3.', '"prefect": "4.'))
    assert "which does not know its database" in played.objections["server"]
    require_blank(story)


def test_a_restore_ends_with_a_server_that_is_proved(story: Story, restored: Played) -> None:
    assert "all 5 task runs of it are recorded" in restored.succeeded().sentences
    story.host.shell("! test -e /var/lib/prefect-restore")
    assert not list(story.site.lab.folder.glob("*.prefect-restore"))
    assert story.site.ca_file.with_name("restore.age").exists()


def test_blocks_runs_and_deployments_come_back(
    story: Story, restored: Played, before: Before
) -> None:
    restored.succeeded()
    assert read(story.site, "restored") == SECRET
    with story.site.member() as client:
        run = client.get(f"/flow_runs/{before.run}").json()
        deployment = client.get(f"/deployments/name/{DEPLOYMENT}").json()
    assert run["state_type"] == "COMPLETED"
    assert run["deployment_id"] == deployment["id"]
    assert deployment["schedules"]


def test_login_key_and_authority_come_back(story: Story, restored: Played, before: Before) -> None:
    restored.succeeded()
    assert story.site.secrets() == before.secrets
    assert story.host.shell(f"stat -c '%a %U' {SECRETS}").split() == ["600", "root"]
    assert story.host.shell(f"cat {AUTHORITY}") == before.authority
    assert story.site.ca_file.read_text().strip() in before.authority


def test_a_worker_finds_the_restored_server_again(story: Story, restored: Played) -> None:
    restored.succeeded()
    assert ended(story, started(story, DEPLOYMENT)) == "COMPLETED"


def of_a_server(story: Story) -> set[str]:
    """Return the files and folders that a server has on a machine, but its backups."""
    named = ".*/prefect-(alert|backup|proxy|redis|restore|server|services)[^/]*"
    elsewhere = "-path /var/lib/systemd -prune -o -path /opt/prefect -prune"
    found = story.host.shell(
        f"find /etc /opt /var/lib -regextype egrep {elsewhere} -o -regex '{named}' -prune -print"
    )
    return set(found.split()) - {BACKUPS}


def require_blank(story: Story) -> None:
    """Require that nothing of a backup is on the machine."""
    story.host.shell(f"! test -e {SECRETS}")
    names = "SELECT datname FROM pg_database WHERE datname = 'prefect'"
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    asked = "cd / && runuser -u postgres -- psql -At"
    assert story.host.shell(f'{asked} -c "{names}"') == ""
    scratch = f'{asked} prefect_check -c "{tables}" 2>/dev/null || echo 0'
    eventually(lambda: story.host.shell(scratch).strip() == "0", 10, "tables are left")
