"""A subflow is known by what it is and what it is called with, not by the order of the calls."""

import asyncio
from typing import Any

import prefect
import pytest
from prefect_durable import flow, task
from prefect_durable.testing import retry

done: list[str] = []


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    """Begin every test with nothing done."""
    done.clear()


def step(name: str, result: str) -> Any:
    """Make a subflow whose function has the name of others."""

    @flow(name=name)
    def main() -> str:
        done.append(name)
        if name == "load" and done.count("load") == 1:
            raise ValueError("The warehouse is away.")
        return result

    return main


def test_subflows_whose_functions_share_a_name_are_told_apart() -> None:
    prepare, load = step("prepare", "prepared"), step("load", "loaded")

    @flow
    def nightly() -> str:
        if "prepare" not in done:
            prepare()
        return str(load())

    assert retry(nightly, nightly(return_state=True)).result() == "loaded"
    assert done == ["prepare", "load", "load"]


@task
def count(shop: str) -> int:
    """Count what a shop has."""
    done.append(f"count {shop}")
    return len(shop)


@flow
async def report(shop: str) -> str:
    """Report on a shop."""
    await asyncio.sleep(0)
    number = count(shop)
    done.append(f"report {shop}")
    if shop == "mill" and done.count("report mill") == 1:
        raise ValueError("The mill does not answer.")
    return f"{shop} {number}"


def test_subflows_side_by_side_find_their_own_results_in_another_order() -> None:
    orders = iter([["harbour", "station", "mill"], ["mill", "station", "harbour"]])

    @flow
    async def all_shops() -> list[str]:
        return list(await asyncio.gather(*[report(shop) for shop in next(orders)]))

    failed: Any = asyncio.run(all_shops(return_state=True))
    assert retry(all_shops, failed).result() == ["mill 4", "station 7", "harbour 7"]
    assert sorted(done) == sorted(
        [
            f"{what} {shop}"
            for what in ("count", "report")
            for shop in ("harbour", "station", "mill")
        ]
        + ["report mill"]
    )


def test_equal_subflows_each_have_their_own_run() -> None:
    @flow
    def child(number: int) -> int:
        done.append("child")
        return number

    @flow
    def parent() -> list[int]:
        numbers = [child(1), child(1), child(1)]
        if len(done) == 3:
            done.append("failure")
            raise ValueError("once")
        return numbers

    assert retry(parent, parent(return_state=True)).result() == [1, 1, 1]
    assert done == ["child"] * 3 + ["failure"]


def test_a_future_given_to_a_subflow_is_what_it_is_called_with() -> None:
    @flow
    def child(number: int) -> int:
        done.append(f"child {number}")
        return number

    @flow
    def parent() -> list[int]:
        numbers = [child(count.submit(shop)) for shop in ("mill", "harbour")]
        if "failure" not in done:
            done.append("failure")
            raise ValueError("once")
        return numbers

    assert retry(parent, parent(return_state=True)).result() == [4, 7]
    assert [what for what in done if what.startswith("child")] == ["child 4", "child 7"]


def test_a_subflow_that_calls_itself_is_found_at_each_depth() -> None:
    @flow
    def descend(depth: int) -> int:
        deeper = descend(depth - 1) if depth else 0
        done.append(f"depth {depth}")
        if depth == 2 and done.count("depth 2") == 1:
            raise ValueError("once")
        return deeper + depth

    assert retry(descend, descend(3, return_state=True)).result() == 6
    assert done == ["depth 0", "depth 1", "depth 2", "depth 2", "depth 3"]


def test_tasks_of_a_subflow_that_is_prefects_own_run_again() -> None:
    @prefect.flow
    def plain() -> int:
        number = count("mill")
        if len(done) == 1:
            raise ValueError("once")
        return number

    @flow
    def parent() -> int:
        return plain()

    assert retry(parent, parent(return_state=True)).result() == 4
    assert done == ["count mill"] * 2


@task
def prepared(way: str) -> str:
    """Prepare a way."""
    done.append(f"prepare {way}")
    return way


@task
def opened(way: str) -> str:
    """Open a way; the first time it does not open."""
    done.append(f"open {way}")
    if done.count(f"open {way}") == 1:
        raise ValueError("It does not open.")
    return way


def test_of_a_subflow_that_is_repeated_by_hand_a_retry_repeats_what_had_failed() -> None:
    @flow
    def door(way: str) -> str:
        return opened(prepared(way))

    @flow
    def stubborn() -> str:
        while not (state := door("east", return_state=True)).is_completed():
            pass
        if "failed" not in done:
            done.append("failed")
            raise ValueError("once")
        return str(state.result())

    failed = stubborn(return_state=True)
    assert done == [*["prepare east", "open east"] * 2, "failed"]
    done.clear()
    done.extend(["failed", "open east"])
    assert retry(stubborn, failed).result() == "east"
    assert done == ["failed", "open east", "open east"]
