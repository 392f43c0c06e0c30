"""Shapes of values and calls that look alike to pickle or to Prefect, and are told apart."""

from collections.abc import Callable
from functools import lru_cache, partial
from threading import Lock
from typing import Any

import prefect
import pytest
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.transactions import transaction
from prefect_durable import flow, task
from prefect_durable.fingerprint import UnhashableError, fingerprint
from prefect_durable.testing import retry

done: list[str] = []


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    """Begin every test with nothing done."""
    done.clear()


class Rate:
    """A rate that pickle makes by a maker of its own."""

    def __init__(self, make: Any) -> None:
        """Keep the maker."""
        self.make = make

    def __reduce__(self) -> Any:
        """Return the maker, without arguments."""
        return self.make, ()


class Tags(set[str]):
    """A set of a user's own."""


class Table:
    """A table with a task that is a method."""

    def __init__(self, name: str) -> None:
        """Name the table."""
        self.name = name

    @task
    def load(self) -> str:
        """Return what the table is named."""
        return self.name


class Node:
    """A node of a graph, which knows all others."""

    def __init__(self) -> None:
        """Begin without others."""
        self.others: list[Node] = []


def cached(value: Any) -> Callable[[], Any]:
    """Make a function that caches a value."""

    @lru_cache
    def load() -> Any:
        return value

    return load


@pytest.mark.parametrize(
    "make",
    [
        lambda value: Rate(partial(str, value)),
        lambda value: Rate(str(value).upper),
        lambda value: Rate(cached(value)),
        cached,
        lambda value: {value: 1}.get,
        lambda value: 10 ** (5000 + value),
        lambda value: (10 ** (5000 + value),),
        lambda value: Tags(str(value)),
        lambda value: Table(str(value)).load,
        lambda value: memoryview(bytes(4)).cast("B", (value, 4 // value)),
    ],
    ids=[
        "partial-in-reduce",
        "method-in-reduce",
        "function-in-reduce",
        "lru-cache",
        "method-of-a-dict",
        "huge-int",
        "huge-int-in-a-tuple",
        "set-of-a-users-own",
        "task-of-an-object",
        "shape-of-memory",
    ],
)
def test_values_are_told_apart_by_all_that_makes_them(make: Callable[[int], Any]) -> None:
    assert fingerprint(make(1)) == fingerprint(make(1))
    assert fingerprint(make(1)) != fingerprint(make(2))


def test_values_that_are_part_of_each_other_in_too_many_ways_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("prefect_durable.fingerprint.AGAIN", 1000)
    nodes = [Node() for _ in range(12)]
    for node in nodes:
        node.others = list(nodes)
    with pytest.raises(UnhashableError, match="that is part of too many others"):
        fingerprint(nodes)


def test_a_name_that_leads_elsewhere_is_refused() -> None:
    class Named:
        def __reduce__(self) -> str:
            return "Named"

    with pytest.raises(UnhashableError, match=r"a .*Named"):
        fingerprint(Named())


@task
def put(name: str, lock: object = None) -> None:
    """Note that something was done."""
    done.append(name)


@task
def last() -> str:
    """Return what was done last."""
    return done[-1]


def looks_twice(options: dict[str, Any], given: dict[str, Any]) -> Any:
    """Return a flow that looks twice at what was done, in another order in a retry."""

    @flow
    def twice() -> list[str]:
        names = ["first", "second"] if not done else ["second", "first"]
        found = {}
        for name in names:
            before = put.with_options(**options).submit(name, **given)
            found[name] = last.submit(wait_for=[before]).result()
        if "failure" not in done:
            done.append("failure")
            raise ValueError("once")
        return [found["first"], found["second"]]

    return twice


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cache_policy": NO_CACHE},
        {"cache_policy": None},
        {"persist_result": False},
        {"cache_key_fn": lambda context, given: None},
    ],
    ids=["kept", "NO_CACHE", "None", "not persisted", "no key"],
)
def test_equal_calls_are_told_apart_by_what_they_wait_for(options: dict[str, Any]) -> None:
    twice = looks_twice(options, {})
    assert retry(twice, twice(return_state=True)).result() == ["first", "second"]
    repeated = ["second", "first"] if options else []
    assert done == ["first", "second", "failure", *repeated]


def test_a_call_that_waits_for_one_that_cannot_be_told_apart_is_repeated_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    twice = looks_twice({}, {"lock": Lock()})
    failed = twice(return_state=True)
    assert "A retry repeats last: it waits for a call that is given a lock" in caplog.text
    assert retry(twice, failed).result() == ["first", "second"]
    assert done == ["first", "second", "failure", "second", "first"]


@prefect.task
def put_by_prefect(name: str) -> None:
    """Note that something was done, as a task of Prefect's own."""
    done.append(name)


def put_as_a_state(name: str) -> State[None]:
    """Note that something was done, by a subflow, and return its state."""

    @flow
    def put_by_flow() -> None:
        done.append(name)

    state: State[None] = put_by_flow(return_state=True)
    return state


@pytest.mark.parametrize(
    ("before", "found"), [(put_as_a_state, [3, 2]), (put_by_prefect.submit, [3, 4])]
)
def test_a_call_that_failed_is_not_given_what_one_that_waits_for_another_call_returned(
    before: Callable[[str], Any], found: list[int]
) -> None:
    @task
    def look_again() -> int:
        done.append("look")
        if done.count("look") == 1:
            raise ValueError("once")
        return done.count("look")

    @flow
    def nightly() -> list[int]:
        each = []
        for name in ("first", "second"):
            each.append(look_again.submit(wait_for=[before(name)]))
            each[-1].wait()
        return [one.result() for one in each]

    assert retry(nightly, nightly(return_state=True)).result() == found


@flow
def look() -> str:
    """Return what was done last."""
    return done[-1]


def test_equal_subflows_are_told_apart_by_what_they_wait_for() -> None:
    @flow
    def nightly() -> list[str]:
        names = ["first", "second"] if not done else ["second", "first"]
        found = {name: look(wait_for=[put.submit(name)]) for name in names}
        if "failure" not in done:
            done.append("failure")
            raise ValueError("once")
        return [found["first"], found["second"]]

    assert retry(nightly, nightly(return_state=True)).result() == ["first", "second"]
    assert done == ["first", "second", "failure"]


def test_a_chain_of_calls_that_wait_for_each_other_is_not_repeated() -> None:
    @flow
    def chain() -> None:
        before: list[Any] = []
        for name in ["a", "a", "b"]:
            before = [put.submit(name, wait_for=before)]
        before[0].wait()
        if len(done) == 3:
            done.append("failure")
            raise ValueError("once")

    assert retry(chain, chain(return_state=True)).is_completed()
    assert done == ["a", "a", "b", "failure"]


def test_a_subflow_in_a_transaction_is_repeated_and_the_first_attempt_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @flow
    def reserve() -> None:
        done.append("reserve")

    @flow
    def nightly() -> None:
        with transaction():
            reserve()
            if len(done) == 1:
                raise ValueError("once")

    failed = nightly(return_state=True)
    assert "A retry repeats reserve: it is called in a transaction." in caplog.text
    assert retry(nightly, failed).is_completed()
    assert done == ["reserve", "reserve"]


def test_a_task_that_changes_its_argument_is_repeated_and_the_first_attempt_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @task
    def add(to: list[int], number: int) -> None:
        to.append(number)

    @flow
    def nightly() -> list[int]:
        numbers: list[int] = []
        add(numbers, 1)
        add(numbers, 2)
        if not done:
            done.append("failure")
            raise ValueError("once")
        return numbers

    failed = nightly(return_state=True)
    assert "A retry repeats add: it changes what it is given" in caplog.text
    assert retry(nightly, failed).result() == [1, 2]
