"""The cache policy: every call counts, and a retry repeats none that succeeded."""

import time
from threading import Event

import pytest
from prefect.cache_policies import DEFAULT
from prefect_durable import EVERY_CALL, current_key, flow, task
from prefect_durable.testing import retry

done: list[str] = []
broken: set[str] = set()


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    """Begin every test with nothing done and nothing broken."""
    done.clear()
    broken.clear()


@task(cache_policy=EVERY_CALL)
def ring(bell: str) -> None:
    """Ring a bell, unless it is broken."""
    done.append(bell)
    if bell in broken:
        raise ValueError(f"The {bell} bell is broken.")


@task(cache_policy=DEFAULT)
def ring_by_default(bell: str) -> None:
    """Ring a bell under Prefect's own policy."""
    done.append(bell)


def test_prefects_own_policy_skips_an_equal_call() -> None:
    @flow
    def peal() -> None:
        for _ in range(3):
            ring_by_default("door")

    peal()
    assert done == ["door"]


def test_equal_calls_all_count_and_are_not_repeated() -> None:
    @flow
    def peal() -> None:
        for future in [ring.submit("door") for _ in range(20)]:
            future.wait()
        for _ in range(3):
            ring("door")
        ring("tower")

    broken.add("tower")
    failed = peal(return_state=True)
    assert done == ["door"] * 23 + ["tower"]

    done.clear()
    broken.clear()
    assert retry(peal, failed).is_completed()
    assert done == ["tower"]


def test_a_run_that_fails_in_several_attempts_repeats_nothing() -> None:
    @flow
    def floor(bells: list[str]) -> None:
        for bell in bells:
            ring(bell)

    @flow
    def house() -> None:
        floor(["door", "hall"])
        floor(["stairs", "tower"])

    broken.add("hall")
    failed = house(return_state=True)
    broken.clear()
    broken.add("tower")
    failed = retry(house, failed)
    broken.clear()
    assert retry(house, failed).is_completed()
    assert done == ["door", "hall", "hall", "stairs", "tower", "tower"]


@task
def draw() -> int:
    """Draw a number, which is another one each time."""
    done.append("draw")
    return done.count("draw")


@task
def compare(numbers: list[int]) -> list[int]:
    """Compare numbers."""
    done.append("compare")
    return numbers


def test_what_is_called_with_results_in_other_places_runs_again() -> None:
    @flow
    def lottery() -> list[int]:
        drawn = [draw(), draw()]
        if "over" in done:
            return compare(drawn[::-1])
        compare(drawn)
        done.append("over")
        raise ValueError("once")

    assert retry(lottery, lottery(return_state=True)).result() == [2, 1]
    assert done == ["draw", "draw", "compare", "over", "compare"]


def test_of_equal_calls_only_those_that_failed_are_repeated() -> None:
    @task(cache_policy=EVERY_CALL)
    def third_fails() -> None:
        done.append("call")
        if len(done) == 3:
            raise ValueError("the third")

    @flow
    def peal() -> None:
        states = [third_fails(return_state=True) for _ in range(5)]
        for state in states:
            state.result()

    failed = peal(return_state=True)
    assert len(done) == 5
    assert retry(peal, failed).is_completed()
    assert len(done) == 6


def test_a_call_that_is_repeated_by_hand_until_it_succeeds_is_not_repeated_in_a_retry() -> None:
    @task(cache_policy=EVERY_CALL)
    def third_time_right() -> str:
        done.append("attempt")
        if len(done) < 3:
            raise ValueError("not yet")
        return "right"

    @flow
    def peal() -> str:
        while not (state := third_time_right(return_state=True)).is_completed():
            pass
        ring("tower")
        return state.result()

    broken.add("tower")
    failed = peal(return_state=True)
    broken.clear()
    assert retry(peal, failed).result() == "right"
    assert done == ["attempt"] * 3 + ["tower", "tower"]


def test_a_flow_that_retries_itself_repeats_nothing_that_succeeded() -> None:
    @flow(retries=1)
    def peal() -> None:
        ring("door")
        ring("door")
        if len(done) == 2:
            done.append("failure")
            raise ValueError("once")
        ring("tower")

    peal()
    assert done == ["door", "door", "failure", "tower"]


def test_a_task_that_retries_itself_is_one_call() -> None:
    @task(cache_policy=EVERY_CALL, retries=1)
    def second_time_right() -> None:
        done.append("attempt")
        if len(done) == 1:
            raise ValueError("once")

    @flow
    def peal() -> None:
        second_time_right()
        second_time_right()
        ring("tower")

    broken.add("tower")
    failed = peal(return_state=True)
    assert done == ["attempt", "attempt", "attempt", "tower"]

    broken.clear()
    retry(peal, failed)
    assert done[4:] == ["tower"]


def test_equal_subflows_are_told_apart_in_a_retry() -> None:
    @flow
    def tower(bell: str) -> None:
        ring("door")
        ring("door")
        ring(bell)

    @flow
    def nested(bell: str) -> None:
        tower(bell)

    @flow
    def town() -> None:
        tower("hour")
        nested("hour")
        nested("quarter")

    broken.add("quarter")
    failed = town(return_state=True)
    assert done == ["door", "door", "hour"] * 2 + ["door", "door", "quarter"]

    done.clear()
    broken.clear()
    assert retry(town, failed).is_completed()
    assert done == ["quarter"]


def test_calls_in_different_tasks_are_told_apart_in_a_retry() -> None:
    @task(cache_policy=EVERY_CALL)
    def climb(tower: str) -> None:
        ring("door")
        ring(tower)

    @flow
    def town() -> None:
        climb("east")
        climb("west")

    broken.add("west")
    failed = town(return_state=True)
    assert done == ["door", "east", "door", "west"]

    done.clear()
    broken.clear()
    assert retry(town, failed).is_completed()
    assert done == ["west"]


def test_an_argument_that_is_still_being_made_does_not_change_the_key() -> None:
    made = Event()

    @task(cache_policy=EVERY_CALL)
    def cast() -> str:
        assert made.wait(timeout=240)
        return "door"

    @flow
    def peal() -> None:
        bell = cast.submit()
        while not (made.is_set() or bell.state.is_running()):
            time.sleep(0.05)
        if made.is_set():
            bell.wait()
        rung = ring.submit(bell)
        made.set()
        rung.result()
        ring("tower")

    broken.add("tower")
    failed = peal(return_state=True)
    broken.clear()
    assert retry(peal, failed).is_completed()
    assert done == ["door", "tower", "tower"]


def test_changed_arguments_run_again() -> None:
    bells = iter(["first", "second"])

    @flow
    def peal() -> None:
        ring(next(bells))
        ring("tower")

    broken.add("tower")
    failed = peal(return_state=True)
    broken.clear()
    retry(peal, failed)
    assert done == ["first", "tower", "second", "tower"]


def test_two_runs_of_a_flow_share_nothing() -> None:
    @flow
    def peal() -> None:
        ring("door")

    peal()
    peal()
    assert done == ["door", "door"]


def test_a_task_without_a_flow_runs_every_time() -> None:
    ring("door")
    ring("door")
    assert done == ["door", "door"]


def test_there_is_no_key_outside_of_a_task() -> None:
    with pytest.raises(RuntimeError, match="no task running"):
        current_key()
