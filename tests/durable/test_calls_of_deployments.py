"""`run_deployment`: which child belongs to a call. No worker runs them: they stay scheduled."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import prefect
import prefect.deployments
import pytest
from prefect import get_client, runtime
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, StateType
from prefect.states import Cancelled, Cancelling, Completed, Failed, Running
from prefect.transactions import transaction
from prefect_durable import arun_deployment, flow, run_deployment, settle, task
from prefect_durable.testing import create_flow_run, flow_run_id, retry, run

from tests.durable.deployed import flows
from tests.durable.deployed.flows import CHILD
from tests.durable.deployed.pool import attempt, deploy, eventually, states

asked: list[UUID] = []


@pytest.fixture(autouse=True, scope="module")
def pool(prefect_server: None) -> None:
    """Deploy the child where no worker is."""
    deploy("still", {"child": flows.child})


@pytest.fixture(autouse=True)
def nothing_asked() -> None:
    """Begin every test without a child."""
    asked.clear()


def ask(name: str = "a", **options: Any) -> None:
    """Ask for a child."""
    asked.append(run_deployment(CHILD, parameters={"name": name}, timeout=0, **options).id)


@task(cache_policy=NO_CACHE)
def ask_uncached() -> None:
    """Ask for a child in a task that every attempt repeats."""
    ask()


def bring_to(state: State[Any]) -> None:
    """Bring the last child into a state."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(asked[-1], state, force=True)


def ask_in_transaction() -> None:
    """Ask for a child that belongs to others."""
    with transaction():
        ask()


def ask_in_thread() -> None:
    """Ask for a child where the flow is not known."""
    thread = Thread(target=ask)
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        (ask_uncached, "it repeats ask_uncached, which calls it."),
        (ask_in_transaction, "it is called in a transaction."),
        (ask_in_thread, "a thread called it without the flow's context."),
    ],
)
def test_what_cannot_be_told_apart_is_started_again_and_the_first_attempt_says_so(
    way: Callable[[], None], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    @flow
    def parent() -> None:
        way()

    state = parent(return_state=True)
    assert f"A retry repeats {CHILD}: {reason}" in caplog.text
    retry(parent, state)
    assert len(set(asked)) == 2


def test_a_task_that_is_tried_again_finds_its_children() -> None:
    @task(retries=1)
    def ask_for_two() -> None:
        ask()
        ask()
        if len(asked) == 2:
            raise ValueError("once")

    @flow
    def parent() -> None:
        ask_for_two()
        ask()

    retry(parent, parent(return_state=True))
    first, second, *again, last, last_again = asked
    assert again == [first, second]
    assert last == last_again
    assert len({first, second, last}) == 3


def test_calls_are_told_apart_by_all_that_makes_their_children() -> None:
    others = [{"name": "b"}, {"flow_run_name": "b"}, {"tags": ["b"]}, {"job_variables": {"b": 1}}]

    @flow
    def parent() -> None:
        for options in reversed(others) if asked else others:
            ask(**options)

    retry(parent, parent(return_state=True))
    assert asked[4:] == asked[3::-1]
    assert len(set(asked)) == 4


def ask_in_hook(*_: object) -> None:
    """Ask for a child when something has failed."""
    ask()


@pytest.mark.parametrize("of", ["flow", "task", "flow of Prefect's own"])
def test_a_hook_starts_a_child_of_its_own_in_every_attempt(of: str) -> None:
    @task(on_failure=[ask_in_hook] if of == "task" else [])
    def fail() -> None:
        raise ValueError("always")

    def fails() -> None:
        fail()

    kind: Any = flow if of in ("flow", "task") else prefect.flow
    parent = kind(on_failure=[] if of == "task" else [ask_in_hook])(fails)
    retry(parent, parent(return_state=True))
    assert len(set(asked)) == len(asked) == 2


def test_a_hook_of_a_task_that_completed_finds_its_child_again() -> None:
    @task(on_completion=[ask_in_hook])
    def succeed() -> None:
        pass

    @flow
    def parent() -> None:
        succeed()
        if len(asked) == 1:
            raise ValueError("once")

    retry(parent, parent(return_state=True))
    first, again = asked
    assert first == again


def test_hooks_of_a_cancelled_run_start_children(monkeypatch: pytest.MonkeyPatch) -> None:
    @flow(on_cancellation=[lambda *_: ask()])
    def parent() -> Any:
        return Cancelling()

    number = create_flow_run(parent)
    run(parent, number)
    # A worker calls hooks in a process of their own.
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", str(number))
    ask()
    assert len(set(asked)) == 2


def test_a_child_that_is_still_being_cancelled_goes_on_in_a_retry(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def end() -> None:
        eventually(lambda: "is there, and not started again" in caplog.text, True)
        bring_to(Cancelled())
        with get_client(sync_client=True) as client:
            eventually(
                lambda: client.read_flow_run(asked[0]).state_type is StateType.SCHEDULED, True
            )
        bring_to(Completed())

    @flow
    async def parent() -> None:
        child = arun_deployment(CHILD, timeout=60 if asked else 0, poll_interval=0.1)
        if asked:
            run, _ = await asyncio.gather(child, asyncio.to_thread(end))
            settle([run])
        else:
            asked.append((await child).id)

    state: State[Any] = asyncio.run(parent(return_state=True))
    bring_to(Running())
    bring_to(Cancelling())
    assert retry(parent, state).is_completed()


def test_a_failed_child_of_a_deleted_deployment_is_started_by_the_new_one() -> None:
    @flow
    def parent() -> None:
        asked.append(run_deployment("child/anew", timeout=0).id)

    deploy("first", {"anew": flows.child})
    state = parent(return_state=True)
    bring_to(Failed())
    with get_client(sync_client=True) as client:
        client.delete_deployment(client.read_deployment_by_name("child/anew").id)
    deploy("second", {"anew": flows.child})
    retry(parent, state)
    bring_to(Failed())
    retry(parent, state)
    first, second, again = asked
    assert first != second == again
    assert states(flow_run_id(state)) == ["COMPLETED", "FAILED", "SCHEDULED"]


def test_a_key_of_ones_own_is_used_as_prefect_does() -> None:
    @flow
    def parent() -> None:
        ask(idempotency_key="mine")

    parent()
    parent()
    ask(idempotency_key="mine")
    assert len(set(asked)) == 1


def test_a_child_that_has_not_ended_in_time_is_returned_and_not_taken_for_success() -> None:
    @flow
    async def parent() -> None:
        children = [
            arun_deployment(CHILD, parameters={"name": name}, timeout=0.3, poll_interval=0.1)
            for name in ("a", "b")
        ]
        settle(await asyncio.gather(*children))

    with pytest.raises(TimeoutError, match="the run of a deployment, has not ended"):
        asyncio.run(parent())


def cancel_this_run() -> None:
    """Cancel the run that calls this."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(runtime.flow_run.id, Cancelling())


@flow
def cleaned_up() -> None:
    """Ask for a child, and for another one whatever becomes of that."""
    try:
        cancel_this_run()
        ask("work")
    finally:
        ask("clean up")


@flow
async def cleaned_up_async() -> None:
    """Do the same."""
    try:
        cancel_this_run()
        await arun_deployment(CHILD, timeout=0)
    finally:
        child = await arun_deployment(CHILD, parameters={"name": "clean up"}, timeout=0)
        asked.append(child.id)


@flow
async def cleaned_up_side_by_side() -> None:
    """Do the same, by tasks of asyncio, which do not see the error."""
    try:
        cancel_this_run()
        await arun_deployment(CHILD, timeout=0)
    finally:
        (child,) = await asyncio.gather(
            arun_deployment(CHILD, parameters={"name": "clean up"}, timeout=0)
        )
        asked.append(child.id)


@pytest.mark.parametrize("parent", [cleaned_up, cleaned_up_async, cleaned_up_side_by_side])
def test_a_parent_that_is_cancelled_starts_children_only_to_clean_up(parent: Any) -> None:
    run(parent, create_flow_run(parent))
    with get_client(sync_client=True) as client:
        (child,) = (client.read_flow_run(one) for one in asked)
    assert child.parameters == {"name": "clean up"}
    assert child.state_type is StateType.SCHEDULED


@pytest.mark.parametrize("parent", flows.PARENTS)
def test_a_parent_that_is_cancelled_cancels_its_children(parent: str, tmp_path: Path) -> None:
    number = create_flow_run(flows.PARENTS[parent], names=["a", "b"], notes=str(tmp_path))
    with attempt(parent, number, tmp_path) as process, get_client(sync_client=True) as client:
        eventually(lambda: states(number), ["RUNNING", "SCHEDULED", "SCHEDULED"])
        client.set_flow_run_state(number, Cancelling())
        process.terminate()
        eventually(lambda: states(number)[1:], ["CANCELLED", "CANCELLED"])


def test_arguments_are_those_of_prefect() -> None:
    ours, prefects = (
        inspect.signature(function).parameters
        for function in (run_deployment, prefect.deployments.run_deployment)
    )
    assert list(ours) == list(prefects)
    with pytest.raises(ValueError, match="`timeout` is -1, and cannot be negative"):
        run_deployment(CHILD, timeout=-1)
    with pytest.raises(TypeError, match="parameter"):
        run_deployment(CHILD, **{"parameter": {}})


def test_ways_to_choose_a_mode_are_those_of_prefect() -> None:
    start: Any = run_deployment

    async def in_a_loop() -> None:
        assert start(CHILD, timeout=0, _sync=True).id
        assert (await start.aio(CHILD, timeout=0)).id

    asyncio.run(in_a_loop())
    assert asyncio.run(start(CHILD, timeout=0, _sync=False)).id
