"""`flow` and `task` take what Prefect's take, on whatever Prefect's take."""

from __future__ import annotations

import inspect
import typing
from functools import partial
from threading import Lock
from typing import Any

import prefect
import pytest
from prefect.cache_policies import INPUTS, NO_CACHE
from prefect_durable import flow, task
from prefect_durable.testing import retry
from pydantic import BaseModel

done: list[str] = []


class Order(BaseModel):
    """An order."""

    number: int


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    """Begin every test with nothing done."""
    done.clear()


@pytest.mark.parametrize("policy", [NO_CACHE, None])
def test_a_task_that_is_not_to_be_cached_runs_in_every_attempt(policy: Any) -> None:
    @task(cache_policy=policy)
    def send(shop: str, connection: object = None) -> str:
        done.append(shop)
        return f"sent to {shop}"

    @flow
    def post() -> list[str]:
        sent = [send("harbour"), send("station", Lock())]
        if len(done) == 2:
            raise ValueError("once")
        return sent

    assert retry(post, post(return_state=True)).result() == ["sent to harbour", "sent to station"]
    assert done == ["harbour", "station"] * 2


def test_policies_and_key_functions_of_ones_own_are_used_as_they_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def by_policy(shop: str) -> None:
        done.append(f"policy {shop}")

    def by_function(shop: str) -> None:
        done.append(f"function {shop}")

    policy = task(by_policy, cache_policy=INPUTS)
    function = task(by_function).with_options(cache_key_fn=lambda _, given: str(given))

    @flow
    def post() -> None:
        for shop in ("mill", "mill"):
            policy(shop)
            function(shop)

    post()
    post()
    assert done == ["policy mill", "function mill"]
    assert "cache_policy" not in caplog.text


def test_options_changed_later_make_no_false_warning(caplog: pytest.LogCaptureFixture) -> None:
    @task
    def send() -> None:
        done.append("send")

    @flow
    def post() -> None:
        send.with_options(persist_result=False)()
        send.with_options(name="send again", retries=1)()
        if len(done) == 2:
            raise ValueError("once")

    assert retry(post, post(return_state=True)).is_completed()
    assert done == ["send", "send", "send"]
    assert "Ignoring" not in caplog.text


def test_a_parameter_is_the_model_that_a_postponed_annotation_names() -> None:
    @flow
    def numbers(order: Order) -> int:
        return order.number

    @flow
    def outer(order: Order) -> int:
        return numbers({"number": order.number + 1})

    assert outer({"number": 3}) == 4
    assert typing.get_type_hints(numbers.fn)["order"] is Order
    assert list(inspect.signature(numbers).parameters) == ["order"]


def test_a_flow_and_its_copies_have_the_version_that_prefect_gives() -> None:
    def numbers() -> int:
        return 1

    ours, prefects = flow(numbers), prefect.flow(numbers)
    assert ours.version == prefects.version
    assert ours.version
    assert ours.with_options(name="others")() == 1
    assert ours.fn is numbers


class Shop:
    """A shop whose methods are tasks and flows."""

    def __init__(self, name: str) -> None:
        """Give it a name."""
        self.name = name

    @task
    def open(self) -> str:
        """Open the shop."""
        done.append(f"open {self.name}")
        return self.name

    @task
    @classmethod
    def all(cls) -> str:
        """Return what all of them are."""
        done.append("all")
        return cls.__name__

    @staticmethod
    @task
    def tax(rate: int) -> int:
        """Return what a tax comes to."""
        done.append(f"tax {rate}")
        return rate

    @flow
    def day(self) -> str:
        """Open the shop for a day."""
        return self.open()


class Counter:
    """A callable object."""

    def __init__(self, step: int) -> None:
        """Give it a step."""
        self.step = step

    def __call__(self, number: int) -> int:
        """Count on."""
        done.append(f"count {self.step}")
        return number + self.step


def test_methods_objects_and_partials_are_found_again() -> None:
    def larger(one: int, other: int) -> int:
        return max(one, other)

    raised: Any = task(partial(larger, 3), name="raised")
    by_one, by_two = task(Counter(1)), task(Counter(2))

    @flow
    def day() -> list[Any]:
        shops = [Shop("mill"), Shop("harbour")]
        found = [shop.open() for shop in shops] + [shop.day() for shop in shops]
        rest = [Shop.all(), Shop.tax(7), raised(2), by_one(1), by_two(1)]
        if "failure" not in done:
            done.append("failure")
            raise ValueError("once")
        return found + rest

    names = ["mill", "harbour"]
    expected = [*names, *names, "Shop", 7, 3, 2, 3]
    assert retry(day, day(return_state=True)).result() == expected
    calls = [f"open {name}" for name in names * 2] + ["all", "tax 7", "count 1", "count 2"]
    assert done == [*calls, "failure"]


def test_background_tasks_of_one_name_have_keys_of_their_own() -> None:
    def load(table: str) -> Any:
        @task
        def load() -> str:
            return table

        return load

    assert len({load(table).task_key for table in ("shops", "orders")}) == 2
    assert load("shops").task_key == load("shops").task_key
