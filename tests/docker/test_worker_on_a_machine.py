"""From the laptop to a machine: the playbook brings an engine without root, and the image."""

from __future__ import annotations

import pytest

from tests.docker.lab.absences import CANCELLED
from tests.docker.lab.attempts import SKIPPED
from tests.docker.lab.first_runs import OF_ROOT
from tests.docker.lab.machine import (
    ENGINE_USER,
    HOME,
    SAID_BY_THE_CHECK,
    SECRET,
    SOCKET,
    UNIT,
)
from tests.docker.lab.outages import REFUSED, UNHEARD
from tests.docker.lab.releases import BY_HAND
from tests.docker.lab.story import Story
from tests.hosts.control.observe import shown
from tests.hosts.machines.host import quoted

# What is not of the engine is told of one system alone.
AT_LENGTH = pytest.mark.parametrize("told", ["trixie"], indirect=True)


def test_the_playbook_ends_with_a_run_in_a_container_of_the_machine(told: Story) -> None:
    assert "worker ONLINE: shop-reports@vm" in told.played["made"].text
    assert "COMPLETED on vm" in told.played["made"].text


def test_a_second_run_changes_nothing(told: Story) -> None:
    assert told.played["again"].succeeded().changed["vm"] == 0
    assert told.pids["again"] == told.pids["made"]


def test_the_user_of_the_worker_has_no_power_of_root(told: Story) -> None:
    """It is in no group but its own, and root runs no engine."""
    assert told.host.shell("id -Gn prefect").split() == ["prefect"]
    assert "docker" not in told.host.shell("ps -eo user:20,comm")
    assert "root" not in told.host.shell("ps -o user= -C conmon -C podman || true").split()
    of_root = "systemctl list-units --state=active 'podman.*' 'podman-auto-update.*'"
    assert "podman" not in told.host.shell(of_root)
    assert shown(told.host, UNIT, "SupplementaryGroups")["SupplementaryGroups"] == ""


def test_root_follows_no_link_of_the_user(told: Story) -> None:
    """A container that has the engine's folder could have put it there."""
    assert told.host.shell(f"stat --format '%U %a' {OF_ROOT}").split() == ["root", "600"]
    assert told.host.shell(f"cat {OF_ROOT}") == told.host.shell("cat /etc/hostname")


def test_the_worker_is_started_after_its_engine(told: Story) -> None:
    uid = told.host.shell(f"id -u {ENGINE_USER}").strip()
    assert f"user@{uid}.service" in shown(told.host, UNIT, "After")["After"].split()


@pytest.mark.parametrize("reason", ["button", "suspended", "retries", "crash_retries"])
def test_a_second_attempt_has_a_container_and_skips_what_is_done(told: Story, reason: str) -> None:
    assert told.second[reason] == SKIPPED


def test_job_variables_cannot_make_a_container_the_user_of_the_worker(told: Story) -> None:
    """It is root in its image, has all files of the machine, and asks its own user's systemd."""
    assert f"outside as {ENGINE_USER}" in told.printed["attack"]
    assert SECRET not in told.printed["attack"]
    assert told.host.shell("find /var/lib/prefect /opt/prefect /etc/prefect -name written") == ""
    groups = told.host.shell(f"id -Gn {ENGINE_USER}").split()
    assert groups == [ENGINE_USER]


def test_containers_share_the_files_of_their_image(told: Story) -> None:
    """Podman 4.3 gives each a copy if nobody says otherwise."""
    driver = "info --format '{{.Store.GraphDriverName}}'"
    assert told.host.shell(f"podman --url {SOCKET} {driver}") == "overlay\n"


def test_nobody_but_the_worker_reaches_the_engine(told: Story) -> None:
    connect = f"import socket; socket.socket(socket.AF_UNIX).connect('{HOME}/podman.sock')"
    asked = f"python3 -c {quoted(connect)} 2>&1"
    assert "Permission denied" in told.host.shell(f"runuser -u nobody -- {asked} || true")
    assert told.host.shell(f"runuser -u prefect -- {asked}") == ""


def test_a_container_is_known_by_what_it_executes_and_not_by_its_labels(told: Story) -> None:
    """The run whose id another container had as a label goes on; one of no run stops nothing."""
    assert told.states["mislabelled"] == "COMPLETED"
    assert told.states["patient"] == "COMPLETED"
    said = told.host.shell(SAID_BY_THE_CHECK)
    assert said.count("odd executes no flow run") == 1


def test_results_are_in_s3(told: Story) -> None:
    """Containers reach the store, with the keys that Prefect keeps."""
    assert told.states["returned"] == "COMPLETED"
    assert len(told.kept) > 2


def test_runs_go_on_without_their_worker(told: Story) -> None:
    """It was restarted, killed and stopped in the meantime."""
    assert told.states["patient"] == "COMPLETED"


def test_a_run_that_was_only_not_heard_is_running_again(told: Story) -> None:
    assert told.not_heard == "It is on its machine, and was not heard"
    assert told.states["patient"] == "COMPLETED"


def test_a_run_of_a_machine_that_is_gone_is_run_again_by_another(told: Story) -> None:
    assert told.states["machine lost"] == "COMPLETED"


def test_a_limit_holds_when_the_worker_is_restarted(told: Story) -> None:
    """As many as may run went on; one more began when the first of them had ended."""
    assert told.states["one more"] == "COMPLETED"
    assert told.order == sorted(told.order)


def test_a_run_cancelled_after_its_worker_was_restarted_is_cancelled(told: Story) -> None:
    assert told.states["cancelled"] == "CANCELLED"
    assert told.stopped == ["", ""]


def test_a_cancelled_run_is_not_taken_for_a_crashed_one(told: Story) -> None:
    """One of the two was stopped by a check that came no further than that."""
    assert [told.states[name] for name in CANCELLED] == ["CANCELLED", "CANCELLED"]


def test_a_container_that_dies_without_a_worker_is_reported(told: Story) -> None:
    assert told.states["killed"] == "CRASHED"
    assert told.messages["killed"] == "Killed by signal 9 (SIGKILL)."


@AT_LENGTH
def test_an_image_that_is_not_there_crashes_the_run_and_not_the_worker(told: Story) -> None:
    assert told.states["nowhere"] == "CRASHED"
    assert "nowhere" in told.messages["nowhere"]
    assert told.pids["nowhere"] == told.pids["before nowhere"]


@AT_LENGTH
def test_an_engine_that_is_away_crashes_the_run_and_not_the_worker(told: Story) -> None:
    assert told.left_of_engine == ""
    assert told.states["engine away"] == "CRASHED"
    assert "Docker" in told.messages["engine away"]
    assert told.pids["engine away"] == told.pids["nowhere"]


@AT_LENGTH
def test_what_ends_while_the_server_is_away_is_told_when_it_is_back(told: Story) -> None:
    assert [told.states[name] for name in UNHEARD] == ["COMPLETED", "CRASHED"]
    assert told.messages[UNHEARD[1]] == "Killed by signal 9 (SIGKILL)."


@AT_LENGTH
def test_what_is_killed_while_the_key_is_refused_is_told_when_it_is_not(told: Story) -> None:
    """A run that comes to its end meanwhile cannot say so."""
    assert [told.states[name] for name in REFUSED] == ["CRASHED", "CRASHED"]
    assert told.messages[REFUSED[1]] == "Killed by signal 9 (SIGKILL)."


@AT_LENGTH
def test_a_run_outlasts_its_pool_and_the_worker_serves_the_next(told: Story) -> None:
    assert told.states["without a pool"] == "COMPLETED"
    assert told.states["with a pool again"] == "COMPLETED"
    assert told.states["undone"] == "COMPLETED"


@AT_LENGTH
def test_a_run_of_a_machine_that_is_shut_down_is_reported(told: Story) -> None:
    assert told.states["shut down"] == "CRASHED"


def test_an_engine_that_is_too_slow_is_not_taken_for_a_lost_api(told: Story) -> None:
    """It may have started what the worker gave up, so nothing is started again."""
    assert told.states["engine slow"] == "CRASHED"


@AT_LENGTH
def test_an_image_that_does_not_prove_itself_is_put_back(told: Story) -> None:
    """Runs are then taken with the one before."""
    assert told.played["bad"].failed == {"vm"}
    assert "smoke run" in told.played["bad"].objections["vm"]
    assert told.images["put back"] == told.images["made"]


@AT_LENGTH
def test_an_image_of_an_interrupted_play_is_undone_by_the_next(told: Story) -> None:
    """Its name is gone."""
    brought, left = told.names_undone
    assert f"localhost/{brought}" in told.names_interrupted
    assert f"localhost/{brought}" not in left
    assert "An interrupted play is undone." in told.played["undone"].text


@AT_LENGTH
def test_an_image_that_is_brought_in_vain_leaves_runs_the_one_before(told: Story) -> None:
    assert "but has no" in told.played["undone"].objections["vm"]
    assert "taken" in told.printed["undone"].splitlines()


@AT_LENGTH
def test_another_image_is_brought_and_proved_beside_a_run(told: Story) -> None:
    """The worker is not restarted for it, and what runs goes on with what it has."""
    assert "COMPLETED on vm" in told.played["upgraded"].succeeded().text
    assert told.pids["upgraded"] == told.pids["before upgrade"]
    assert told.images["upgraded"] != told.images["made"]


@AT_LENGTH
def test_rollback_goes_to_the_image_of_the_release_before(told: Story) -> None:
    """Runs of deployments that name the newer image print what the older one prints."""
    told.played["back"].succeeded()
    assert "taken" in told.printed["back"].splitlines()
    assert "taken again" in told.printed["forth"].splitlines()


@AT_LENGTH
def test_images_go_with_their_releases(told: Story) -> None:
    replaced, names = told.names
    assert f"localhost/{replaced}" not in names
    assert len([name for name in names if name.startswith("localhost/prefect-release/")]) == 2


@AT_LENGTH
def test_an_engine_whose_settings_change_is_started_anew(told: Story) -> None:
    """And what runs goes on."""
    assert BY_HAND not in told.environments["upgraded"]
    assert told.states["patient"] == "COMPLETED"


@AT_LENGTH
def test_an_engine_has_its_settings_back_when_a_play_is_undone(told: Story) -> None:
    assert BY_HAND in told.environments["undone"]


def test_what_ended_and_what_was_replaced_is_tidied_up_after_a_day(told: Story) -> None:
    assert len(told.ended) > 2
    assert told.unnamed == []


def test_after_power_was_lost_the_worker_is_back_and_the_run_reported(told: Story) -> None:
    assert told.states["lost"] == "CRASHED"
    assert "lost power" in told.messages["lost"]
    assert told.states["returned"] == "COMPLETED"
    assert told.pids["returned"] > 0


def test_a_worker_that_is_absent_leaves_no_container_and_the_others_alone(told: Story) -> None:
    """Both are of one machine, and have one engine."""
    assert told.states["of the second"] == "CRASHED"
    assert told.left_of_second == ""
    assert told.states["of the first"] == "COMPLETED"


def test_a_worker_is_drained_when_its_containers_have_ended(told: Story) -> None:
    """Whatever their labels say."""
    assert not told.is_drained_too_early
    told.played["drained"].succeeded()
    assert told.states["of the first"] == "COMPLETED"


def test_nothing_of_it_stays(told: Story) -> None:
    """Nor what an earlier play left that was killed."""
    told.remove()
    assert "prefect-" not in told.host.shell("find /etc/systemd /var/lib")
    assert told.host.shell("find /etc -path '/etc/prefect*'") == ""
    assert told.host.shell("grep prefect /etc/passwd /etc/subuid /etc/subgid || true") == ""
    assert told.host.shell("ls /var/lib/systemd/linger").split() == []
