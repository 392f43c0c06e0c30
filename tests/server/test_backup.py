"""A backup is made beside what runs, opened by its owner alone, and tried every week."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.hosts.control.server import eventually
from tests.server.blocks import SECRET, store
from tests.server.story import ANOTHER_KEY, BACKUPS, SECRETS, TOKEN, Story, new_key

KEPT = 14
UNIT = "prefect-server-backup"


@pytest.fixture(scope="module")
def backup(story: Story) -> str:
    """Return the path of a backup made while a flow runs, beside many that are older."""
    store(story.site, "kept")
    old = [f"{BACKUPS}/prefect-202001{day}T000000Z.age" for day in range(10, 30)]
    story.host.shell(f"touch {' '.join(old)}")
    flow = story.site.flow(waves=2, number=10, seconds=0.5)
    eventually(lambda: "Finished in state" in story.site.said.read_text(), 60, "no task run ends")
    story.host.shell(f"systemctl start {UNIT}")
    story.site.require_recorded(story.site.completed(flow), 20)
    return backups(story)[-1]


def test_the_first_play_makes_a_backup_and_tells_its_age(story: Story) -> None:
    assert "The newest backup is 0.0 hours old." in story.made.sentences
    story.host.shell(f"systemctl is-active {UNIT}.timer {UNIT}-check.timer")
    after = story.host.shell(f"systemctl show --property=After {UNIT}")
    assert "prefect-server-migrate.service" in after


def test_the_newest_backups_stay(story: Story, backup: str) -> None:
    paths = backups(story)
    assert len(paths) == KEPT
    assert paths[-1] == backup
    told = {"last-backup", "last-check"}
    left = set(story.host.shell(f"ls -A {BACKUPS}").split()) - told
    assert left == {Path(path).name for path in paths}


def test_a_backup_has_no_secret_in_clear(story: Story, backup: str) -> None:
    content = fetched(story, backup).read_bytes()
    assert content.startswith(b"age-encryption.org/v1")
    for value in [SECRET, *story.site.secrets().values()]:
        assert value.encode() not in content
    assert story.host.shell(f"stat -c '%a %U' {backup} {BACKUPS}").split() == [
        *("640", "prefect-server"),
        *("750", "prefect-server"),
    ]


@pytest.mark.parametrize("key", ["owner.txt", "key"])
def test_its_owner_alone_opens_a_backup(story: Story, backup: str, key: str) -> None:
    file, folder = fetched(story, backup), story.site.lab.folder
    stranger = folder / "stranger.txt"
    new_key(stranger)
    command = ["age", "--decrypt", "--identity"]
    refused = subprocess.run([*command, stranger, file], capture_output=True, check=False)
    opened = subprocess.run([*command, folder / key, file], capture_output=True, check=True)
    assert refused.returncode != 0
    assert not refused.stdout
    listed = subprocess.run(["tar", "--list"], input=opened.stdout, capture_output=True, check=True)
    assert listed.stdout.decode().split() == [
        *("about.json", "authority_root.crt", "authority_root.key", "secrets.env"),
        "database.dump/000000",
    ]


def test_the_owners_command_gets_each_backup_and_nothing_else(story: Story, backup: str) -> None:
    home = "/var/lib/prefect-backup-copy"
    name = backup.rpartition("/")[2]
    compared = f"cmp {backup} {home}/{name} 2>&1 || true"
    eventually(lambda: story.host.shell(compared) == "", 60, "it is not copied")
    assert story.host.shell(f"cat {home}/who {home}/token") == f"prefect-backup\n{TOKEN}\n"
    for path in [SECRETS, "/etc/prefect-server/backup.key", "/etc/prefect-server/backup.env"]:
        refused = story.host.shell(f"! runuser -u prefect-backup -g prefect-server cat {path} 2>&1")
        assert "Permission denied" in refused
    assert TOKEN not in story.made.text
    story.host.shell(f"! systemctl is-failed {UNIT}-copy")


def test_the_newest_backup_is_tried_beside_the_database(story: Story, backup: str) -> None:
    story.host.shell(f"systemctl start {UNIT}-check")
    told = story.host.shell(f"cat {BACKUPS}/last-check")
    assert told == f"{backup.rpartition('/')[2]} was restored, and its blocks were read.\n"
    query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    counted = f'cd / && runuser -u postgres -- psql -At prefect_check -c "{query}"'
    assert story.host.shell(counted).strip() == "0"


def test_a_check_that_fails_says_why_and_alerts_the_owner(story: Story, backup: str) -> None:
    # With its time, after which nothing has to restart; commands are in the journal, so no content.
    story.host.shell(f"cp --preserve {SECRETS} {SECRETS}.kept")
    story.host.shell(f"sed -i '{ANOTHER_KEY}' {SECRETS}")
    story.host.shell(f"systemctl start {UNIT}; mv {SECRETS}.kept {SECRETS}")
    story.host.shell(f"! systemctl start {UNIT}-check")
    assert story.host.shell(f"systemctl is-failed {UNIT}-check").strip() == "failed"
    said = story.host.shell(f"journalctl --unit {UNIT}-check --output cat --lines 20")
    assert "The encryption key in the backup does not open" in said
    told = f"{UNIT}-check.service\n{TOKEN}\n"
    alert = "cat /var/lib/private/prefect-alert/told 2>&1 || true"
    eventually(lambda: story.host.shell(alert) == told, 60, "its owner is not told")
    assert f"{UNIT}-check.service FAILED" in story.site.play().succeeded().sentences
    story.host.shell(f"rm {backups(story)[-1]} && systemctl start {UNIT}-check")
    assert backups(story)[-1] == backup


def test_a_backup_is_not_made_beside_one_that_is_dated_later(story: Story, backup: str) -> None:
    story.host.shell(f"touch {BACKUPS}/prefect-29990101T000000Z.age")
    story.host.shell(f"! systemctl start {UNIT}")
    said = story.host.shell(f"journalctl --unit {UNIT} --output cat --lines 20")
    story.host.shell(f"rm {BACKUPS}/prefect-29990101T000000Z.age; systemctl reset-failed {UNIT}")
    assert "is dated later than now: set the clock right" in said
    assert backups(story)[-1] == backup


def test_a_file_that_is_no_part_of_a_server_is_in_no_backup(story: Story, backup: str) -> None:
    extra = "/etc/prefect-server/authority/old.crt"
    story.host.shell(f"touch {extra} && systemctl start {UNIT}; rm {extra}")
    newest = backups(story)[-1]
    assert newest != backup
    opened = subprocess.run(
        ["age", "--decrypt", "--identity", story.site.key, fetched(story, newest)],
        capture_output=True,
        check=True,
    )
    listed = subprocess.run(["tar", "--list"], input=opened.stdout, capture_output=True, check=True)
    assert b"old.crt" not in listed.stdout
    story.host.shell(f"rm {newest}")


def test_a_check_that_would_fill_the_disk_is_not_made(story: Story, backup: str) -> None:
    # The unit sees another disk than PostgreSQL.
    unit = f"/run/systemd/system/{UNIT}-check.service.d"
    small = r"[Service]\nTemporaryFileSystem=/var/lib/postgresql:size=1M\n"
    story.host.shell(f"mkdir -p {unit} && printf '{small}' > {unit}/small.conf")
    story.host.shell(f"systemctl daemon-reload; ! systemctl start {UNIT}-check")
    said = story.host.shell(f"journalctl --unit {UNIT}-check --output cat --lines 20")
    story.host.shell(f"rm -r {unit} && systemctl daemon-reload && systemctl start {UNIT}-check")
    assert "The newest backup is not tried: beside the database" in said
    assert backups(story)[-1] == backup


def backups(story: Story) -> list[str]:
    """Return the paths of all backups, oldest first."""
    return sorted(story.host.shell(f"find {BACKUPS} -name '*.age'").split())


def fetched(story: Story, path: str) -> Path:
    """Return a copy of a backup on the control side."""
    copy = story.site.lab.folder / "fetched.age"
    copy.write_bytes((story.host.files.root / path.lstrip("/")).read_bytes())
    return copy
