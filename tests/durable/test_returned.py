"""What tasks and flows return, and what a retry makes of it."""

from typing import Any

import pytest
from prefect.futures import PrefectFuture
from prefect.states import Failed
from prefect_durable import flow, task
from prefect_durable.testing import retry

done: list[str] = []
PAIR = (1, {2: "a"})


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    """Begin every test with nothing done."""
    done.clear()


def fail_once() -> None:
    """Fail the first time."""
    if "failure" not in done:
        done.append("failure")
        raise ValueError("once")


@task(result_serializer="json")
def count(numbers: list[int]) -> dict[str, int]:
    """Return what JSON gives back."""
    done.append("count")
    return {"numbers": len(numbers)}


@task(result_serializer="json")
def pair() -> tuple[int, dict[int, str]]:
    """Return what JSON makes something else of."""
    done.append("pair")
    return PAIR


@flow(result_serializer="json")
def pair_of_a_flow() -> tuple[int, dict[int, str]]:
    """Return what JSON makes something else of."""
    count([1])
    done.append("flow")
    return PAIR


def test_a_result_that_its_serializer_changes_is_made_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @flow
    def nightly() -> list[object]:
        found: list[object] = [count([1, 2]), pair(), pair_of_a_flow()]
        fail_once()
        return found

    failed = nightly(return_state=True)
    assert "A retry repeats pair: its serializer makes something else of a tuple." in caplog.text
    assert "A retry repeats pair-of-a-flow: its serializer makes something" in caplog.text
    assert retry(nightly, failed).result() == [{"numbers": 2}, PAIR, PAIR]
    assert done == ["count", "pair", "count", "flow", "failure", "pair", "flow"]


def test_a_task_that_returns_futures_fails_at_once_and_says_why() -> None:
    @task
    def several() -> list[PrefectFuture[dict[str, int]]]:
        return [count.submit([1])]

    @flow
    def nightly() -> None:
        several()

    with pytest.raises(TypeError, match=r"returns futures, .* return their results"):
        nightly()


def test_a_state_that_is_no_success_is_not_used_in_a_retry() -> None:
    @task
    def careful() -> Any:
        done.append("careful")
        return Failed(message="once") if len(done) == 1 else "fine"

    @flow
    def nightly() -> str:
        return str(careful())

    assert retry(nightly, nightly(return_state=True)).result() == "fine"
    assert done == ["careful", "careful"]
