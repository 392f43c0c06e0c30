"""`settle`: no failure goes by, and nothing stays pending."""

import asyncio

import pytest
from prefect import flow, task
from prefect_durable import settle
from prefect_durable.testing import recorded


@task
def fail(reason: str) -> None:
    """Fail for a reason."""
    raise ValueError(reason)


@task
def go_on(what: object = None) -> str:
    """Go on with what there is."""
    return "done"


def test_the_first_failure_of_several_is_raised() -> None:
    @flow
    def two_fail() -> None:
        settle([go_on.submit(), fail.submit("first"), fail.submit("second")])

    with pytest.raises(ValueError, match="first"):
        two_fail()


def test_tasks_after_a_failure_are_closed_however_far_behind() -> None:
    @flow
    def chain() -> None:
        first = fail.submit("the cause")
        second = go_on.submit(first)
        third = go_on.submit(wait_for=[second])
        settle([third, second, first])

    state = chain(return_state=True)
    with pytest.raises(ValueError, match="the cause"):
        state.result()
    recorded(state, {"fail Failed": 1, "go_on NotRun": 2})


def test_a_forgotten_failure_is_not_taken_for_success() -> None:
    @flow
    def forgetful() -> None:
        settle([go_on.submit(wait_for=[fail.submit("the cause")])])

    state = forgetful(return_state=True)
    with pytest.raises(RuntimeError, match="1 of 1 tasks did not run"):
        state.result()
    recorded(state, {"fail Failed": 1, "go_on NotRun": 1})


def test_the_state_of_a_subflow_is_settled_like_a_future() -> None:
    @flow
    def child() -> None:
        raise ValueError("the cause")

    @flow
    def parent() -> None:
        state = child(return_state=True)
        settle([state, go_on.submit(state)])

    state = parent(return_state=True)
    with pytest.raises(ValueError, match="the cause"):
        state.result()
    recorded(state, {"child Failed": 1, "go_on NotRun": 1})


def test_a_failure_in_an_asynchronous_flow_does_not_go_by() -> None:
    @flow
    async def two() -> None:
        settle([go_on.submit(), fail.submit("the cause")])

    with pytest.raises(ValueError, match="the cause"):
        asyncio.run(two())


def test_nothing_to_settle_is_fine() -> None:
    assert settle([]) == []
