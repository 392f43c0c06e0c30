"""Tasks in generators, tasks, transactions and threads: what a retry finds again."""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from contextvars import copy_context
from threading import Event, Thread
from typing import Any

import pytest
from prefect.context import FlowRunContext, TaskRunContext
from prefect.transactions import get_transaction, transaction
from prefect_durable import flow, task
from prefect_durable.testing import retry

done: list[str] = []


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    """Begin every test with nothing done."""
    done.clear()


@task
def pages() -> Iterator[int]:
    """Make pages."""
    yield from range(3)


@task
async def pages_async() -> AsyncIterator[int]:
    """Make pages."""
    for page in range(3):
        yield page


@task
def store(page: int) -> int:
    """Store a page."""
    done.append(f"store {page}")
    if page == 2 and done.count("store 2") == 1:
        raise ValueError("The warehouse is away.")
    return page


def test_items_of_a_generator_task_that_were_done_are_not_done_again() -> None:
    @flow
    def crawl() -> list[int]:
        return [store(page) for page in pages()]

    assert retry(crawl, crawl(return_state=True)).result() == [0, 1, 2]
    assert done == ["store 0", "store 1", "store 2", "store 2"]


def test_items_of_an_asynchronous_generator_task_are_not_done_again() -> None:
    @flow
    async def crawl() -> list[int]:
        return [store(page) async for page in pages_async()]

    failed: Any = asyncio.run(crawl(return_state=True))
    assert retry(crawl, failed).result() == [0, 1, 2]
    assert done == ["store 0", "store 1", "store 2", "store 2"]


def test_a_generator_task_that_is_left_leaves_nothing_open() -> None:
    @flow
    def glance() -> list[int]:
        found = []
        for page in pages():
            found.append(page)
            assert get_transaction() is None
            assert TaskRunContext.get() is None
            if page == 1:
                break
        left = pages()
        return [*found, next(left)]

    assert glance() == [0, 1, 0]
    assert get_transaction() is None


@task(timeout_seconds=1)
async def slow_pages(seconds: float) -> AsyncIterator[int]:
    """Make pages, the second one later."""
    yield 0
    await asyncio.sleep(seconds)
    yield 1


@pytest.mark.parametrize(("seconds", "between"), [(60, 0), (0, 2)], ids=["inside", "between"])
def test_a_timeout_ends_an_asynchronous_generator_task(seconds: float, between: float) -> None:
    async def pages_until_timeout() -> None:
        async for _ in slow_pages(seconds):
            await asyncio.sleep(between)

    @flow
    async def crawl() -> None:
        with pytest.raises(TimeoutError, match="Scope timed out"):
            await asyncio.wait_for(pages_until_timeout(), 30)

    asyncio.run(crawl())


@task
async def stopped_pages() -> AsyncIterator[int]:
    """Make a page before the process is told to stop."""
    yield 0
    raise SystemExit("stopped")


def test_what_stops_a_process_goes_through_an_asynchronous_generator_task() -> None:
    async def pages_until_stopped() -> None:
        async for _ in stopped_pages():
            pass

    @flow
    async def crawl() -> None:
        await asyncio.wait_for(pages_until_stopped(), 30)

    with pytest.raises(SystemExit, match="stopped"):
        asyncio.run(crawl())


@flow
def shelves(first: int) -> Generator[int, None, None]:
    """Store pages, one after the other."""
    for page in range(first, 3):
        yield store(page)


@flow
async def shelves_async(first: int) -> AsyncIterator[int]:
    """Store pages, one after the other."""
    for page in range(first, 3):
        yield store(page)


def test_a_generator_subflow_yields_the_same_in_a_retry_and_repeats_no_task() -> None:
    @flow
    def nightly() -> list[int]:
        found = list(shelves(0))
        if "failure" not in done:
            done.append("failure")
            raise ValueError("once")
        return found

    done.append("store 2")  # so that it does not fail
    assert retry(nightly, nightly(return_state=True)).result() == [0, 1, 2]
    assert done == ["store 2", "store 0", "store 1", "store 2", "failure"]


def test_a_generator_subflow_that_failed_repeats_only_what_had_not_succeeded() -> None:
    @flow
    def nightly() -> list[int]:
        return list(shelves(1))

    assert retry(nightly, nightly(return_state=True)).result() == [1, 2]
    assert done == ["store 1", "store 2", "store 2"]


def test_an_asynchronous_generator_subflow_repeats_only_what_had_not_succeeded() -> None:
    @flow
    async def nightly() -> list[int]:
        return [page async for page in shelves_async(1)]

    failed: Any = asyncio.run(nightly(return_state=True))
    assert retry(nightly, failed).result() == [1, 2]
    assert done == ["store 1", "store 2", "store 2"]


def test_what_a_flow_does_with_the_items_of_a_generator_subflow_is_its_own() -> None:
    @flow
    def nightly() -> list[int]:
        made = shelves(0)
        found = [next(made)]
        assert FlowRunContext.get().flow.name == "nightly"  # type: ignore[union-attr]
        made.close()
        return [*found, store(1)]

    assert nightly() == [0, 1]


def test_what_a_failed_task_called_is_not_done_again() -> None:
    @task
    def outer() -> None:
        store(0)
        if "failure" not in done:
            done.append("failure")
            raise ValueError("once")

    @flow
    def nightly() -> None:
        outer()

    assert retry(nightly, nightly(return_state=True)).is_completed()
    assert done == ["store 0", "failure"]


@pytest.mark.parametrize("succeeds", [2, 4], ids=["in the first attempt", "in the retry"])
def test_what_a_task_called_is_not_done_again_when_it_is_tried_again(succeeds: int) -> None:
    @task(retries=1)
    def outer() -> None:
        store(0)
        store(0)
        done.append("try")
        if done.count("try") < succeeds:
            raise ValueError("not yet")

    @flow
    def nightly() -> None:
        outer()
        store(0)
        if "failure" not in done:
            done.append("failure")
            raise ValueError("once")

    retry(nightly, nightly(return_state=True))
    stored = ["store 0", "store 0"]
    assert (
        done
        == {
            2: [*stored, "try", "try", "store 0", "failure"],
            4: [*stored, "try", "try", "try", "try", "store 0", "failure"],
        }[succeeds]
    )


def test_a_task_inside_a_task_that_is_tried_again_keeps_what_it_called() -> None:
    @task
    def middle() -> None:
        store(0)
        done.append("middle")
        if done.count("middle") == 1:
            raise ValueError("not yet")

    @task(retries=1)
    def outer() -> None:
        middle()

    @flow
    def nightly() -> None:
        outer()

    nightly()
    assert done == ["store 0", "middle", "middle"]


@task
def price() -> int:
    """Return the price of the moment."""
    done.append("price")
    return 10 - done.count("price")


@task
def order(most: int) -> int:
    """Order at the price of the moment, unless that is too much."""
    if (found := price()) > most:
        raise ValueError("too dear")
    return found


def test_a_task_that_is_repeated_by_hand_is_given_nothing_of_the_run_before() -> None:
    @flow
    def nightly() -> int:
        states = (order(7, return_state=True) for _ in range(5))
        found: int = next(state for state in states if state.is_completed()).result()
        if "failure" not in done:
            done.append("failure")
            raise ValueError("once")
        return found

    assert retry(nightly, nightly(return_state=True)).result() == 7
    assert done == ["price", "price", "price", "failure"]


@task
def notify(what: str) -> None:
    """Tell somebody."""
    done.append(f"notify of {what}")


@flow
async def report(what: str) -> None:
    """Write a report."""
    done.append(f"report of {what}")


async def report_in_hook(*_: object) -> None:
    """Write a report when something has failed."""
    await report("failure")


@pytest.mark.parametrize("of", ["flow", "task"])
def test_what_a_hook_calls_is_done_in_every_attempt(of: str) -> None:
    hooks: Any = {"on_failure": [lambda *_: notify("failure"), report_in_hook]}

    @task
    def fail() -> None:
        raise ValueError("always")

    @flow
    def nightly() -> None:
        (fail.with_options(**hooks) if of == "task" else fail)()

    hooked = nightly.with_options(**hooks) if of == "flow" else nightly
    retry(hooked, hooked(return_state=True))
    assert done == ["notify of failure", "report of failure"] * 2


may_end = Event()
submitted: list[Any] = []


@task
def late() -> None:
    """End when told."""
    assert may_end.wait(60)
    done.append("late")


@task
def submit_late() -> None:
    """Submit a task and do not wait for it."""
    submitted.append(late.submit())


def test_a_task_that_ends_after_the_task_that_submitted_it_is_not_done_again() -> None:
    @flow
    def nightly() -> None:
        submit_late()
        may_end.set()
        for future in submitted:
            future.wait()
        if "failure" not in done:
            done.append("failure")
            raise ValueError("once")

    failed = nightly(return_state=True)
    submitted.clear()
    assert retry(nightly, failed).is_completed()
    assert done == ["late", "failure"]


def test_the_first_attempt_says_that_a_transaction_is_repeated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @flow
    def nightly() -> None:
        with transaction():
            store(0)
            if len(done) == 1:
                raise ValueError("once")

    failed = nightly(return_state=True)
    assert "This task is in a transaction: a retry repeats it unless" in caplog.text
    assert retry(nightly, failed).is_completed()
    assert done == ["store 0", "store 0"]


def test_the_first_attempt_says_that_a_thread_is_repeated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @flow
    def nightly() -> None:
        context = copy_context()
        context.run(FlowRunContext.__var__.set, None)
        thread = Thread(target=context.run, args=(store, 0))
        thread.start()
        thread.join()
        if len(done) == 1:
            raise ValueError("once")

    failed = nightly(return_state=True)
    assert "A retry repeats store: a thread called it without the flow's context." in caplog.text
    assert retry(nightly, failed).is_completed()
    assert done == ["store 0", "store 0"]


def test_the_first_attempt_says_that_a_subflow_in_a_thread_is_repeated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @flow
    def child() -> None:
        done.append("child")

    @flow
    def nightly() -> None:
        context = copy_context()
        context.run(FlowRunContext.__var__.set, None)
        thread = Thread(target=context.run, args=(child,))
        thread.start()
        thread.join()
        if len(done) == 1:
            raise ValueError("once")

    failed = nightly(return_state=True)
    assert "A retry repeats child: a thread called it without the flow's context." in caplog.text
    assert retry(nightly, failed).is_completed()
    assert done == ["child", "child"]


def test_flows_one_after_the_other_are_not_taken_for_threads(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @flow
    def nightly() -> None:
        done.append("nightly")

    states = [nightly(return_state=True), nightly(return_state=True)]
    assert all(state.is_completed() for state in states)
    assert "A retry repeats" not in caplog.text


def test_the_first_attempt_says_that_a_task_is_left_to_a_task_worker_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ids: list[Any] = []

    @flow
    def nightly() -> None:
        ids.append(store.delay(0).task_run_id)
        if len(ids) == 1:
            raise ValueError("once")

    failed = nightly(return_state=True)
    assert "A retry repeats store: a task worker executes it, which knows no flow." in caplog.text
    assert retry(nightly, failed).is_completed()
    assert len(set(ids)) == 2
