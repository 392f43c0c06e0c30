"""A bare machine becomes a server, which says what it does and shows nobody its secrets."""

from __future__ import annotations

import socket
from functools import partial

import httpx
import pytest

from tests.server.story import SECRETS, UNITS, Story

HTTPS, SSH = 443, 22
UNREADABLE = httpx.codes.UNPROCESSABLE_ENTITY


def test_check_mode_on_a_bare_machine_succeeds_and_changes_nothing(story: Story) -> None:
    assert story.looked.succeeded().changed["server"] > 0
    assert story.is_untouched


def test_the_first_play_ends_with_a_record_of_task_runs(story: Story) -> None:
    story.made.succeeded()
    told = (
        f"at {story.site.url} is ready and asks for a login; a flow run COMPLETED, and all 5 task"
    )
    assert told in story.made.sentences


def test_a_second_play_changes_nothing(story: Story) -> None:
    assert story.again.succeeded().changed == {"server": 0, "localhost": 0}
    assert story.again_looked.succeeded().changed == {"server": 0, "localhost": 0}
    assert story.pids_still == story.pids
    assert 0 not in story.pids


TASKS = ("migrate", "backup", "backup-check", "backup-copy", "watch", "restore", "alert@x")
ONCE = [f"prefect-server-{name}" for name in TASKS]
ONCE += ["prefect-services-watchdog", "prefect-restart-services"]


@pytest.mark.parametrize("unit", [*UNITS, *ONCE])
def test_units_are_sandboxed(story: Story, unit: str) -> None:
    story.host.shell(f"systemd-analyze security --threshold=15 {unit}.service")


def test_secrets_are_for_root_alone(story: Story) -> None:
    values = [value.partition(":")[2] or value for value in story.site.secrets().values()]
    assert len(set(values)) == 2
    assert story.host.shell(f"stat -c '%a %U %G' {SECRETS}").split() == ["600", "root", "root"]
    shown = story.host.shell(f"systemctl show {' '.join(UNITS)}; cat /proc/[0-9]*/cmdline || true")
    texts = "find /etc /var/lib -type f -perm /o+r -size -64k -exec cat {} +"
    readable = story.host.shell(f"{texts} | LC_ALL=C tr -cd '\\12\\40-\\176'")
    for value in values:
        for text in (story.made.text, story.host.journal(100_000), shown, readable):
            assert value not in text


@pytest.mark.parametrize("path", ["/admin/version", "/work_pools/x", "/metrics"])
def test_whoever_has_no_login_is_refused(story: Story, path: str) -> None:
    with story.site.client() as stranger, story.site.client("admin:guessed") as guesser:
        assert stranger.get(path).status_code == httpx.codes.UNAUTHORIZED
        assert guesser.get(path).status_code == httpx.codes.UNAUTHORIZED


def test_whoever_has_the_login_is_let_in(story: Story) -> None:
    with story.site.client(story.site.secrets()["PREFECT_API_AUTH_STRING"]) as client:
        assert client.get("/admin/version").status_code == httpx.codes.OK


def test_a_change_without_a_token_is_refused(story: Story) -> None:
    with story.site.client(story.site.secrets()["PREFECT_API_AUTH_STRING"]) as client:
        assert client.post("/flows/", json={"name": "x"}).status_code == httpx.codes.FORBIDDEN


def test_only_the_authority_that_the_play_fetched_makes_the_server_trusted(story: Story) -> None:
    with story.site.client() as client:
        answer = client.get("/health")
        assert answer.status_code == httpx.codes.OK
        assert "max-age=" in answer.headers["Strict-Transport-Security"]
    with (
        story.site.client(trusting=False) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.get("/health")


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_pages_about_the_api_are_not_shown(story: Story, path: str) -> None:
    with story.site.client() as client:
        answer = client.get(f"{story.site.url}{path}")
    assert answer.status_code == httpx.codes.NOT_FOUND


def test_a_request_that_is_too_large_is_refused(story: Story) -> None:
    with story.site.member() as client:
        assert client.post("/flows/", content=b"x" * (31 << 20)).status_code == UNREADABLE
        refused = client.post("/flows/", content=b"x" * (33 << 20))
        # By the proxy, whose Caddy has no better word for it.
        assert refused.status_code == httpx.codes.BAD_GATEWAY
        assert client.get("/health").status_code == httpx.codes.OK


def test_other_machines_reach_nothing_but_ssh_and_the_proxy(story: Story) -> None:
    is_open = partial(accepts, story.host.address)
    assert set(filter(is_open, range(1, 65536))) == {SSH, HTTPS}


def accepts(address: str, port: int) -> bool:
    """Return whether a machine accepts a connection."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((address, port)) == 0


def test_bad_values_are_refused_in_one_sentence_each(story: Story) -> None:
    played = story.site.play(
        prefect_server_address="a b",
        prefect_server_tls="always",
        prefect_server_port=4200,
        prefect_server_keep_runs_days=0,
        prefect_server_requirements="/etc/hostname",
        prefect_server_backup_keys=["age1short"],
        prefect_server_backups_kept=0,
        prefect_server_alert_environment={"UNIT": "x"},
    )
    sentences = played.objections["server"].splitlines()
    expected = ["address is 'a b'", "tls is 'always'", "port is 4200", "days is 0", "does not pin"]
    expected += ["because of 'age1short'", "kept is 0", "UNIT names what failed"]
    assert len(sentences) == len(expected)
    for part in expected:
        assert any(part in sentence for sentence in sentences), sentences


def test_a_folder_that_others_may_change_is_refused(story: Story) -> None:
    story.host.shell("chmod o+w /opt/prefect-server")
    played = story.site.play()
    story.host.shell("chmod o-w /opt/prefect-server")
    assert "/opt/prefect-server can be changed by others than root" in played.objections["server"]


def test_a_variable_that_is_none_is_refused(story: Story) -> None:
    played = story.site.play(prefect_server_adress="192.0.2.1")
    assert played.objections == {
        "server": "prefect_server_adress is no variable of this role; prefect_server_address is."
    }
