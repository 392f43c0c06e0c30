"""What is switched off later leaves the machine: backups without a key, a proxy without TLS."""

from __future__ import annotations

import pytest

from tests.hosts.control.playbook import Played
from tests.hosts.control.server import eventually
from tests.server.story import BACKUPS, Story
from tests.server.test_first_play import HTTPS, accepts
from tests.server.test_watch import TOLD, UNIT, said

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def without(story: Story) -> Played:
    """Return what a play says that takes keys and TLS away; the next play brings them back."""
    return story.site.play(
        prefect_server_backup_keys=[],
        prefect_server_backup_command="",
        prefect_server_tls="none",
        prefect_server_url=story.site.url,
    )


def test_without_a_key_there_is_no_backup_and_the_play_says_so(
    story: Story, without: Played
) -> None:
    assert "There is NO BACKUP" in without.succeeded().sentences
    story.host.shell("! systemctl is-active prefect-server-backup.timer")
    story.host.shell("! systemctl cat prefect-server-backup.service")
    story.host.shell(f"ls {BACKUPS}/prefect-*.age")


def test_a_server_without_backups_is_watched_and_its_owner_told(
    story: Story, without: Played
) -> None:
    without.succeeded()
    story.host.shell(f"systemctl is-active {UNIT}.timer && systemctl start {UNIT}")
    assert not [line for line in said(story) if "backup" in line]
    wrong = f"/run/systemd/system/{UNIT}.service.d"
    story.host.shell(f"rm -f {TOLD}; mkdir {wrong}")
    story.host.shell(f"printf '[Service]\nEnvironment=FREE_MIB=99999999\n' > {wrong}/wrong.conf")
    story.host.shell(f"systemctl daemon-reload; ! systemctl start {UNIT}; rm -r {wrong}")
    assert [line for line in said(story) if line.startswith("WRONG") and "MiB free" in line]
    eventually(lambda: UNIT in story.host.shell(f"cat {TOLD} || true"), 60, "nobody is told")


def test_a_server_without_tls_of_its_own_leaves_the_port_to_others(
    story: Story, without: Played
) -> None:
    without.succeeded()
    assert not accepts(story.host.address, HTTPS)
    story.host.shell("! systemctl cat prefect-proxy.service")
    links = "find /etc/systemd/system -name 'prefect-proxy*' -o -name 'prefect-server-backup*timer'"
    assert story.host.shell(links) == ""


def test_a_server_that_clients_do_not_reach_is_proved_and_the_play_says_so(
    story: Story, without: Played
) -> None:
    said = without.succeeded().sentences
    assert f"at {story.site.url} is ready and asks for a login" in said
    assert f"This computer does not reach {story.site.url}" in said
