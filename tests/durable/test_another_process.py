"""What a retry in another process executes, and what the server records of it."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect_durable.testing import task_runs

from tests.durable.deployed.pool import environment, eventually


@pytest.fixture(scope="module")
def attempts(
    prefect_server: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Run the first attempt of each flow, and the retry, and return what they report."""
    folder = tmp_path_factory.mktemp("attempts")
    said = ""
    for attempt in ("1", "2"):
        made = subprocess.run(
            [sys.executable, "-m", "tests.durable.elsewhere", str(folder), attempt],
            env=environment(folder) | {"PREFECT_HOME": str(folder / attempt)},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        said += made.stderr
    first, second = (json.loads((folder / f"{number}.json").read_text()) for number in (1, 2))
    return first, second, said


Attempts = tuple[dict[str, Any], dict[str, Any], str]


def test_items_of_another_list_are_done_in_a_retry(attempts: Attempts) -> None:
    first, second, _ = attempts
    assert first["shorter_list"]["done"] == ["a", "b", "c", "d"]
    assert second["shorter_list"]["done"] == ["c"]
    assert second["shorter_list"]["result"] == ["C"]


def test_two_lists_of_a_task_have_their_own_outcomes(attempts: Attempts) -> None:
    _, second, _ = attempts
    assert second["two_lists"]["done"] == ["p", "q", "y"]
    assert second["two_lists"]["result"] == [["P", "Q"], ["X", "Y"]]


def test_a_task_without_a_key_does_not_have_that_of_the_task_around_it(attempts: Attempts) -> None:
    assert attempts[0]["keys"]["result"] == [False, True]


def test_a_state_that_is_no_success_is_not_what_an_equal_call_gets(attempts: Attempts) -> None:
    first, second, _ = attempts
    assert first["stopped"]["done"] == ["cancelled"] * 2 + ["crashed"] * 2
    assert second["stopped"]["done"] == []
    assert second["stopped"]["result"] == ["cancelled", "crashed"]
    expected = {"Cancelled": 1, "Crashed": 1, "Completed": 2, "Cached": 2}
    run = UUID(first["stopped"]["id"])
    eventually(lambda: Counter(str(task.state_name) for task in task_runs(run)), Counter(expected))


def test_a_state_made_by_hand_is_made_again_and_the_first_attempt_says_so(
    attempts: Attempts,
) -> None:
    first, second, said = attempts
    assert first["named_state"]["done"] == second["named_state"]["done"] == ["skip"]
    assert second["named_state"]["result"] == "SKIPPED"
    assert "A retry repeats skip: it returns a state." in said


@pytest.mark.parametrize("caller", ["task", "subflow"])
def test_a_run_that_has_not_completed_is_returned_again(attempts: Attempts, caller: str) -> None:
    first, second, said = attempts
    name = f"child_in_a_{caller}"
    assert "has not ended" in first[name]["message"]
    assert second[name]["state"] == "Completed", second[name]
    assert first[name]["done"] == second[name]["done"] == ["read"]
    assert said.count(": it returns a flow run that has not completed.") == 2


def test_a_serializer_for_one_kind_of_result_is_given_nothing_else(attempts: Attempts) -> None:
    first, second, _ = attempts
    assert first["table"]["done"] == ["make"]
    assert second["table"]["done"] == []
    assert second["table"]["result"] == [1, 2]


def test_a_subflow_that_changes_its_argument_is_repeated_and_the_first_attempt_says_so(
    attempts: Attempts,
) -> None:
    first, second, said = attempts
    assert first["filled"]["done"] == ["fill", "weigh"]
    assert second["filled"]["done"] == ["fill"]
    assert second["filled"]["result"] == [["bread"], 1]
    assert "A retry repeats fill: it changes what it is given, or closes over." in said


def test_what_waits_for_a_task_that_may_be_given_something_else_is_repeated(
    attempts: Attempts,
) -> None:
    _, second, said = attempts
    assert second["after_another_value"]["result"] is True
    assert "A retry repeats is_retried: " in said


def test_tasks_of_a_process_pool_are_not_repeated(attempts: Attempts) -> None:
    first, second, _ = attempts
    executed = ["TILL", "bank", "ferry", "mill", "mill", "port", "till"]
    assert first["pooled"]["done"] == executed
    # What belongs to a transaction that failed is repeated.
    assert second["pooled"]["done"] == sorted([*executed, "ferry"])
    assert second["pooled"]["result"] == ["MILL", "MILL", "TILL", "PORT", "BANK", "TILL"]
