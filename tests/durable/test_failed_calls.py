"""What a retry does with calls after one that failed, and with what was done for every attempt."""

from collections.abc import Callable
from typing import Any

import pytest
from prefect import allow_failure
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect_durable import flow, task
from prefect_durable.testing import retry

done: list[str] = []
remembered: list[str] = []


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    """Begin every test with nothing done."""
    done.clear()


@task
def load() -> None:
    """Fail twice."""
    done.append("load")
    if done.count("load") < 3:
        raise ValueError("not yet")


@flow
def load_all() -> None:
    """Fail twice, as a flow."""
    load()


@task
def count() -> int:
    """Return how often something was loaded."""
    done.append("count")
    return done.count("load")


@flow
def count_all() -> int:
    """Return the same, as a flow."""
    return count()


def state_of(call: Callable[..., Any]) -> Callable[[], State[Any]]:
    """Return a call for its state."""
    return lambda: call(return_state=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (load.submit, count),
        (load.submit, lambda **options: count.submit(**options).result()),
        (load.with_options(cache_policy=NO_CACHE).submit, count),
        (state_of(load), count),
        (state_of(load_all), count),
        (load.submit, count_all),
    ],
    ids=["task", "submitted", "not kept", "state", "state of a subflow", "before a subflow"],
)
def test_a_call_after_one_that_may_fail_is_repeated_when_that_fails_no_longer(
    before: Callable[[], Any], after: Callable[..., int]
) -> None:
    @flow
    def nightly() -> int:
        found = after(wait_for=[allow_failure(before())])
        if done.count("load") < 3 or done.count("count") == 1:
            raise ValueError("once")
        return found

    failed = nightly(return_state=True)
    assert retry(nightly, failed).is_failed()
    assert done == ["load", "count", "load"]
    assert retry(nightly, failed).result() == 3
    assert done == ["load", "count", "load", "load", "count"]


def test_what_failed_in_an_earlier_attempt_in_this_process_has_not_failed_now() -> None:
    @flow(retries=2)
    def nightly() -> int:
        found = count(wait_for=[allow_failure(load_all(return_state=True))])
        if done.count("load") < 3:
            raise ValueError("once")
        return found

    assert nightly() == 3
    assert done == ["load", "count", "load", "load", "count"]


def test_what_is_called_because_of_a_failure_is_not_repeated_unless_nothing_is_kept() -> None:
    @task
    def note(name: str) -> None:
        done.append(name)

    @flow
    def nightly() -> None:
        try:
            load()
        finally:
            note("kept")
            note.with_options(cache_policy=NO_CACHE)("not kept")

    failed = nightly(return_state=True)
    assert retry(nightly, failed).is_failed()
    assert done == ["load", "kept", "not kept", "load", "not kept"]


def test_a_task_that_refreshes_what_is_kept_runs_in_every_attempt() -> None:
    @flow
    def nightly() -> None:
        count.with_options(refresh_cache=True)()
        load()

    retry(nightly, nightly(return_state=True))
    assert done == ["count", "load", "count", "load"]


def test_what_a_task_leaves_in_memory_is_missing_in_a_retry() -> None:
    @task
    def remember(name: str) -> str:
        remembered.append(name)
        return name

    @flow
    def nightly() -> list[str]:
        returned = remember("a")
        if not done:
            done.append("failure")
            raise ValueError("once")
        return [returned, *remembered]

    failed = nightly(return_state=True)
    remembered.clear()  # as in another process
    assert retry(nightly, failed).result() == ["a"]
