"""`flow` and `task` as Prefect's own, but done only when their result is kept.

A retry skips what has a result. So no result may get lost unseen, and none may only seem lost:

- a flow run does not begin before the result storage has taken something from it;
- a task does not run while nobody can tell whether its result is there already;
- a task or a flow whose result cannot be kept fails and says why. So does one whose result cannot
  be pickled, and a task whose arguments cannot be hashed.

The options are Prefect's. A task with `persist_result=False` keeps nothing and runs again in every
retry. In a `with transaction():`, in another task, or with hooks for commit or rollback, a task's
result is kept by Prefect, together with all that belongs to it.
"""

import asyncio
import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any, TypeVar, cast, overload

import prefect
from prefect import Flow, Task, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext, TaskRunContext
from prefect.futures import resolve_futures_to_states
from prefect.logging import get_run_logger
from prefect.results import (
    ResultRecord,
    ResultRecordMetadata,
    ResultStore,
    should_persist_result,
)
from prefect.states import Failed, is_state_iterable
from prefect.transactions import BaseTransaction, get_transaction
from typing_extensions import ParamSpec

from .every_call import EVERY_CALL, source_of
from .storage import ReadOnce, StorageError, has_expired, keep, read_kept

P = ParamSpec("P")
R = TypeVar("R")


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...


@overload
def task(**options: Any) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def task(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a task of a function."""
    if function is None:
        return partial(task, **options)
    if options.get("persist_result") is not False:
        options.setdefault("cache_policy", EVERY_CALL)
    call = _around(function, _before_task, _after_task)
    source_of(call)
    return prefect.task(call, **options)


@overload
def flow(function: Callable[P, R], /) -> Flow[P, R]: ...


@overload
def flow(**options: Any) -> Callable[[Callable[P, R]], Flow[P, R]]: ...


def flow(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a flow of a function."""
    if function is None:
        return partial(flow, **options)
    return prefect.flow(_around(function, _before_flow, _after_flow), **options)


def _around(
    function: Callable[..., Any],
    before: Callable[[Callable[..., Any]], Any],
    after: Callable[[Callable[..., Any], Any], Any],
) -> Callable[..., Any]:
    """Do something before and after a function; what comes before may stand in for it."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return function

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        found = before(call)
        return after(call, function(*args, **kwargs)) if found is None else found

    @wraps(function)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        found = await asyncio.to_thread(before, call_async)
        if found is None:
            return await asyncio.to_thread(after, call_async, await function(*args, **kwargs))
        return found

    wrapper: Any = call_async if inspect.iscoroutinefunction(function) else call
    # Prefect knows a subflow by its code and the path that is in, which differs between machines.
    wrapper.__code__ = wrapper.__code__.replace(co_filename="<kept>")
    return cast("Callable[..., Any]", wrapper)


def _before_task(function: Callable[..., Any]) -> "ResultRecord[Any] | None":
    """Return the result that a task has already, which Prefect may have overlooked."""
    context, transaction = TaskRunContext.get(), _transaction_to_keep(function)
    if context is None or transaction is None:
        return None
    if transaction.key is None:
        raise StorageError(
            f"The arguments of {context.task.name} cannot be hashed, so a retry would not find its"
            " result: pass something else, or make it a task with persist_result=False."
        )
    assert transaction.store is not None
    if transaction.overwrite:
        return None
    record = read_kept(transaction.store, transaction.key)
    return None if record and has_expired(record) else record


def _after_task(function: Callable[..., Any], value: Any) -> Any:
    """Keep what a task returns, and return it as kept."""
    context, transaction = TaskRunContext.get(), _transaction_to_keep(function)
    if context is None or transaction is None:
        return value
    if isinstance(value, State) or is_state_iterable(value):
        return value
    assert transaction.store is not None
    lifetime = context.task.cache_expiration
    expiration: Any = datetime.now(UTC) + lifetime if lifetime is not None else None
    record = transaction.store.create_result_record(value, transaction.key, expiration)
    keep(transaction.store, record)
    transaction.write_on_commit = False
    return record


def _transaction_to_keep(function: Callable[..., Any]) -> BaseTransaction | None:
    """Return the transaction of the task run that calls a function, if it ends with the task."""
    context, transaction = TaskRunContext.get(), get_transaction()
    if context is None or context.task.fn is not function or transaction is None:
        return None
    hooks = context.task.on_commit_hooks or context.task.on_rollback_hooks
    if hooks or not transaction.write_on_commit or transaction.get_parent():
        return None
    return transaction


def _before_flow(function: Callable[..., Any]) -> None:
    """Make sure that the storage takes results, and that those of subflows are still there."""
    if running := FlowRunContext.get():
        running.result_store = ReadOnce.like(running.result_store)
    context = _context_to_keep(function)
    if context is None or context.flow_run is None:
        return
    if context.flow_run.parent_task_run_id is None:
        _keep_for_flow(context, "ready")
    if context.flow_run.run_count > 1:
        _forget_lost_subflows(context)


def _after_flow(function: Callable[..., Any], value: Any) -> Any:
    """See that the storage takes what a flow returns; Prefect keeps it under another name."""
    context = _context_to_keep(function)
    if context is not None:
        _keep_for_flow(context, resolve_futures_to_states(value))
    return value


def _context_to_keep(function: Callable[..., Any]) -> FlowRunContext | None:
    """Return the context of the flow run that calls a function, if its result is to be kept."""
    context = FlowRunContext.get()
    if context is None or context.flow is None or context.flow.fn is not function:
        return None
    return context if should_persist_result() else None


def _keep_for_flow(context: FlowRunContext, value: Any) -> None:
    """Keep something under the name of a flow run."""
    assert context.flow_run is not None
    store = _store(context)
    keep(store, store.create_result_record(value, f"flow-run-{context.flow_run.id}"))


def _store(context: FlowRunContext) -> ResultStore:
    """Return the store of a flow run, which for flows keeps nothing but values."""
    return context.result_store.model_copy(update={"metadata_storage": None})


def _forget_lost_subflows(context: FlowRunContext) -> None:
    """Have Prefect run subflows again whose results are gone."""
    assert context.flow_run is not None
    children = FlowRunFilter(
        parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[context.flow_run.id]),
    )
    store = _store(context)
    with get_client(sync_client=True) as client:
        for child in client.read_flow_runs(flow_run_filter=children):
            if _is_lost(child.state, store):
                get_run_logger().warning(
                    "Subflow %s runs again: the result it was completed with is gone.",
                    child.name,
                )
                lost: State[Any] = Failed(name="ResultLost", message="Its result is gone.")
                client.set_flow_run_state(child.id, lost, force=True)


def _is_lost(state: State[Any] | None, store: ResultStore) -> bool:
    """Tell whether the result that a completed flow run kept in a storage is not there any more."""
    kept = state.data if state and state.is_completed() else None
    if not isinstance(kept, ResultRecordMetadata) or kept.storage_key is None:
        return False
    if kept.storage_block_id != store.result_storage_block_id:
        return False
    return read_kept(store, kept.storage_key) is None
