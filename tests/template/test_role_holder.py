"""Which plays for one worker count as going on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.template.role_files import loaded


@pytest.fixture(scope="module")
def filters() -> ModuleType:
    """Return the role's filters."""
    return loaded("filter_plugins/prefect_worker_holder.py")


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """Another process of this computer."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield process


def of(filters: ModuleType, process: int) -> dict[str, str]:
    """Return the holder that a process would be."""
    own: dict[str, str] = filters.holder("play")
    return {**own, "process": str(process), "begun": filters._begun(str(process))}


def test_a_play_does_not_hold_its_own_worker_from_itself(filters: ModuleType) -> None:
    own = filters.holder("play")
    assert own["process"] == str(os.getpid())
    assert not filters.is_held({"holder": own, "age": 3}, own)
    assert not filters.is_held({}, own)


def test_another_play_holds_a_worker_until_its_process_has_ended(
    filters: ModuleType, other: subprocess.Popen[bytes]
) -> None:
    transaction = {"holder": of(filters, other.pid), "age": 3}
    assert filters.is_held(transaction, filters.holder("play"))
    other.communicate()
    assert not filters.is_held(transaction, filters.holder("play"))


def test_a_process_that_has_the_number_of_a_play_is_not_taken_for_it(
    filters: ModuleType, other: subprocess.Popen[bytes]
) -> None:
    holder = {**of(filters, other.pid), "begun": "1"}
    assert not filters.is_held({"holder": holder, "age": 3}, filters.holder("play"))


@pytest.mark.parametrize(("age", "held"), [(1799, True), (1800, False)])
def test_a_play_of_another_computer_holds_a_worker_for_half_an_hour(
    filters: ModuleType, age: int, held: bool
) -> None:
    holder = {**filters.holder("play"), "node": "elsewhere"}
    assert filters.is_held({"holder": holder, "age": age}, filters.holder("play")) is held
