"""Faults of the storage: each has one clear line, nothing claims success, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.results.lab.programs import wait_until
from tests.results.lab.project import Api, Project
from tests.results.lab.seaweed import READER, Seaweed

MAPPED = "mapped/mapped"
# boto3 asks an address that does not answer five times, which takes 20 s; twice is enough here.
IMPATIENT = {"AWS_MAX_ATTEMPTS": "2", "AWS_RETRY_MODE": "standard"}


@pytest.fixture(scope="module", autouse=True)
def worker(s3_project: Project) -> Iterator[None]:
    """Have a machine that runs what the tests ask for."""
    program = s3_project.worker("faulty", **IMPATIENT)
    yield
    s3_project.programs.stop(program)


@pytest.fixture
def storage(fault: str, s3_project: Project) -> Iterator[None]:
    """Have a storage block of a fault's settings, if it has any, and then the project's again."""
    block, _, _ = UNUSABLE[fault]
    if block:
        assert s3_project.bootstrap(**block).returncode == 0
    yield
    if block:
        assert s3_project.bootstrap().returncode == 0


UNUSABLE = {
    "missing bucket": ({"RESULTS_BUCKET": "no-such-bucket"}, {}, "NoSuchBucket"),
    "wrong key": ({}, {"AWS_SECRET_ACCESS_KEY": "guessed"}, "SignatureDoesNotMatch"),
    "unknown user": ({}, {"AWS_ACCESS_KEY_ID": "NOBODY"}, "InvalidAccessKeyId"),
    "no permission to write": (
        {},
        {
            "AWS_ACCESS_KEY_ID": READER["accessKey"],
            "AWS_SECRET_ACCESS_KEY": READER["secretKey"],
        },
        "AccessDenied",
    ),
    "wrong endpoint, or the store is down": (
        {"RESULTS_ENDPOINT_URL": "http://127.0.0.1:9"},
        {},
        "http://127.0.0.1:9",
    ),
}


@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize("fault", UNUSABLE)
def test_a_storage_that_cannot_be_used_stops_the_run_before_it_does_anything(
    fault: str, s3_project: Project, api: Api
) -> None:
    _, machine, reason = UNUSABLE[fault]
    name = fault.replace(" ", "-")
    run = api.start(MAPPED, s3_project, name=name, env=machine)

    ended = api.ended(run)
    assert ended["state_type"] == "FAILED"
    assert (
        "StorageError: The result storage s3-bucket/shop-s3 did not take"
        in (ended["state"]["message"])
    )
    assert reason in ended["state"]["message"]
    wait_until(lambda: reason in api.log(run), f"{reason} is not in the log", 60)
    assert s3_project.executions(name) == {}


def test_a_store_that_goes_away_and_comes_back_costs_one_task(
    s3_project: Project, api: Api, seaweed: Seaweed
) -> None:
    run = api.start(MAPPED, s3_project, name="outage", env={"WAITS": "report"})
    file = s3_project.counted / "outage"
    wait_until(lambda: "report" in (file.read_text() if file.exists() else ""), "report", 200)
    seaweed.stop()
    Path(f"{file}.mended").touch()

    ended = api.ended(run)
    assert ended["state_type"] == "FAILED"
    assert "did not take the result" in ended["state"]["message"]

    seaweed.start()
    api.retry(run)
    assert api.ended(run, attempt=2)["state_type"] == "COMPLETED", api.log(run)
    calls = s3_project.executions("outage")
    assert {call: n for call, n in calls.items() if not call.startswith("report")} == {
        "list_shelves('cellar',)": 1,
        "count_shelf('tea',)": 2,
        "count_shelf('coffee',)": 1,
        "count_shelf('sugar',)": 1,
    }
    # The retry found five results, each by one request.
    asked = seaweed.requests()
    assert asked["GET", 200] == 5
    assert "HEAD" not in {method for method, _ in asked}


def test_results_that_were_deleted_or_damaged_are_made_again(
    s3_project: Project, api: Api, seaweed: Seaweed
) -> None:
    before = set(seaweed.kept(s3_project.slug))
    run = api.start("subflows/subflows", s3_project, name="damage", fails="compare:1")
    assert api.ended(run)["state_type"] == "FAILED"
    kept = sorted(set(seaweed.kept(s3_project.slug)) - before)
    for number, name in enumerate(kept):
        path = f"{s3_project.slug}/{name}"
        (seaweed.truncate if number % 2 else seaweed.delete)(path)
    Path(f"{s3_project.counted / 'damage'}.mended").touch()

    api.retry(run)
    assert api.ended(run, attempt=2)["state_type"] == "COMPLETED", api.log(run)
    assert "the result it was completed with is gone" in api.log(run)
    assert s3_project.executions("damage").total() == 2 * 4 + 2


REFUSED = {
    "no-such-type/shop-s3": "asks for a block of type 'no-such-type'",
    "secret/shop-s3": "asks for a block of type 'secret'",
    "s3-bucket": "is no block",
}


@pytest.mark.parametrize("block", REFUSED)
def test_bootstrap_refuses_a_block_that_is_no_storage(block: str, s3_project: Project) -> None:
    done = s3_project.bootstrap(PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK=block)
    assert done.returncode == 1
    assert REFUSED[block] in done.stderr
    assert done.stderr.count("\n") == 1
