"""Results of flows: whether the storage takes them, and whether those of subflows are lost."""

from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.context import FlowRunContext
from prefect.logging import get_run_logger
from prefect.results import ResultRecord, ResultRecordMetadata, ResultStore
from prefect.serializers import PickleSerializer
from prefect.states import Failed

from .storage import keep, read_kept

PAGE = 100
"""Flow runs that are asked for at once; the server refuses more than 200 by default."""

REPEATED = "prefect_durable.repeated"
"""The label of a subflow's run that Prefect must not take for a result."""


def keep_for_flow(context: FlowRunContext, value: Any, name: str) -> None:
    """Keep something under the name of a flow run, or of the call of a subflow."""
    store = _store(context)
    keep(store, store.create_result_record(value, f"flow-run-{name}"))


def keep_ready(context: FlowRunContext, name: str) -> None:
    """See that the storage takes something, whatever the results of the flow are made of."""
    store = _store(context).model_copy(update={"serializer": PickleSerializer()})
    keep(store, store.create_result_record("ready", f"flow-run-{name}"))


def read_of_flow(context: FlowRunContext, call_key: str) -> "ResultRecord[Any] | None":
    """Return the result that the call of a subflow had, if it had any."""
    return read_kept(_store(context), f"flow-run-{call_key}")


def _store(context: FlowRunContext) -> ResultStore:
    """Return the store of a flow run, which for flows keeps nothing but values."""
    return context.result_store.model_copy(update={"metadata_storage": None})


def have_repeated(context: FlowRunContext) -> None:
    """Note at the server that a retry of the parent is to run a subflow again."""
    assert context.flow_run is not None
    with get_client(sync_client=True) as client:
        client.update_flow_run_labels(context.flow_run.id, {REPEATED: True})


def forget_lost_subflows(context: FlowRunContext) -> None:
    """Have Prefect run subflows again whose results are gone, or do not stand for them."""
    assert context.flow_run is not None
    store = _store(context)
    with get_client(sync_client=True) as client:
        for child in list(_completed_subflows(client, context.flow_run.id)):
            if REPEATED in child.labels:
                repeated: State[Any] = Failed(name="Repeated", message="A retry runs it again.")
                client.set_flow_run_state(child.id, repeated, force=True)
            elif _is_lost(child.state, store):
                get_run_logger().warning(
                    "Subflow %s runs again: the result it was completed with is gone.",
                    child.name,
                )
                lost: State[Any] = Failed(name="ResultLost", message="Its result is gone.")
                client.set_flow_run_state(child.id, lost, force=True)


def _completed_subflows(client: SyncPrefectClient, parent: UUID) -> Iterator[FlowRun]:
    """Return the subflows of a run that completed, of which the server gives some at a time."""
    wanted = FlowRunFilter(
        parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[parent]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.COMPLETED])),
        # A run of a deployment may have a storage of its own, such as a folder elsewhere.
        deployment_id=FlowRunFilterDeploymentId(is_null_=True),
    )
    for offset in count(0, PAGE):
        page = client.read_flow_runs(
            flow_run_filter=wanted, sort=FlowRunSort.ID_DESC, limit=PAGE, offset=offset
        )
        yield from page
        if len(page) < PAGE:
            return


def _is_lost(state: State[Any] | None, store: ResultStore) -> bool:
    """Tell whether the result of a completed flow run is missing from the storage."""
    kept = state.data if state and state.is_completed() else None
    if not isinstance(kept, ResultRecordMetadata) or kept.storage_key is None:
        return False
    if kept.storage_block_id != store.result_storage_block_id:
        return False
    return read_kept(store, kept.storage_key) is None
