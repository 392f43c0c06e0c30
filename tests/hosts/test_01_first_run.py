"""A bare machine becomes a worker."""

from __future__ import annotations

import pytest

from tests.hosts.control.secrets import assert_hidden
from tests.hosts.control.site import Site
from tests.hosts.control.story import Story, Workers
from tests.hosts.suites import SUITES


@pytest.fixture(params=SUITES)
def story(workers: Workers, request: pytest.FixtureRequest) -> Story:
    """What happened on each release of Debian."""
    return workers.story(request.param)


def test_check_mode_on_a_bare_machine_succeeds(story: Story) -> None:
    assert story.looked.succeeded().changed["worker"] > 0


def test_check_mode_changes_nothing_on_a_bare_machine(story: Story) -> None:
    assert story.fresh_still == story.fresh


def test_the_first_run_ends_with_a_worker_online(story: Story) -> None:
    story.made.succeeded()
    assert "worker ONLINE: shop-reports@worker" in story.made.text
    assert "shop-reports@worker" in story.online


def test_the_first_run_completes_a_flow_run_on_the_machine_itself(site: Site, story: Story) -> None:
    runs = [run for run in site.api.runs(site.pool) if run["id"] in story.journal]
    assert [run["state_type"] for run in runs] == ["COMPLETED"]


def test_a_second_run_changes_nothing(story: Story) -> None:
    assert story.again.succeeded().changed == {"worker": 0, "localhost": 0}
    assert story.converged_still == story.converged


def test_a_second_run_does_not_restart_the_worker(story: Story) -> None:
    assert story.second_pid == story.first_pid > 0


def test_check_mode_from_the_project_s_folder_has_nothing_to_change(story: Story) -> None:
    assert story.again_looked.succeeded().changed["worker"] == 0


def test_ansible_shows_no_secret_at_its_most_talkative(secrets: list[str], story: Story) -> None:
    assert_hidden(secrets, story.made.text)


def test_ansible_shows_no_secret_in_what_it_would_change(secrets: list[str], story: Story) -> None:
    assert_hidden(secrets, story.looked.text)
