"""Child runs: started by `run_deployment`, found again, and cancelled with their parent."""

import asyncio
import time
from contextlib import suppress
from typing import Any, Self
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterIdempotencyKey,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.context import FlowRunContext
from prefect.exceptions import CancelledRun, ObjectNotFound, TerminationSignal
from prefect.logging import get_run_logger
from prefect.states import AwaitingRetry, Cancelling

from .attempts import runs_that_end_this
from .child_key import child_key
from .child_start import start_child

STOPS = (TerminationSignal, CancelledRun, KeyboardInterrupt, asyncio.CancelledError)
"""What a flow gets when its run is cancelled."""

STOPPED = FlowRunFilterState(
    type=FlowRunFilterStateType(any_=[StateType.CANCELLING, StateType.CANCELLED])
)


class Child:
    """The child run of one call, while it is waited for."""

    def __init__(self, given: dict[str, Any], is_cleaning_up: bool) -> None:
        """Know which call this is; `given` are Prefect's arguments."""
        self._given = given
        self._key = None if given["idempotency_key"] else child_key(given)
        self._parents = runs_that_end_this() if given["as_subflow"] else []
        self._run_id: UUID | None = None
        self._is_to_go_on = False
        self._is_cleaning_up = is_cleaning_up
        self._client: SyncPrefectClient = get_client(sync_client=True)
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        """Open the client."""
        self._client.__enter__()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Cancel the child if its parent was cancelled."""
        self._client.__exit__(None, None, None)
        if error:
            # Whatever ends this process, it must not be kept from ending.
            with suppress(Exception), get_client(sync_client=True) as self._client:
                child = self._found()
                if child and self._is_stopped():
                    self._client.set_flow_run_state(child.id, Cancelling())

    def begin(self) -> FlowRun:
        """Start the child, or find it again."""
        if self._is_cleaning_up and self._is_stopped():
            # As in a hook: it is for this attempt, and not stopped with it.
            self._key, self._parents = None, []
        self._end_if_stopped()
        child = self._found()
        if child is None:
            child = start_child(self._client, self._given, self._key)
        elif _has_failed(child):
            child = self._again(child)
        else:
            _say(f"{self._given['name']}: {child.name} is there, and not started again.")
            # Somebody has cancelled an earlier attempt of it, which has still to end.
            self._is_to_go_on = bool(child.state and child.state.is_cancelling())
        self._run_id = child.id
        return child

    def look(self) -> FlowRun:
        """Return the child as it is now."""
        self._end_if_stopped()
        assert self._run_id is not None
        child = self._client.read_flow_run(self._run_id)
        if self._is_to_go_on and _has_failed(child):
            self._is_to_go_on = False
            child = self._again(child)
            self._run_id = child.id
        return child

    def is_over(self, child: FlowRun) -> bool:
        """Tell whether there is nothing to wait for any more."""
        return bool(child.state and child.state.is_final()) or self._left() <= 0

    def pause(self) -> float:
        """Return the seconds until the next look."""
        interval: float = self._given["poll_interval"]
        return max(0.0, min(interval, self._left()))

    def _left(self) -> float:
        timeout = self._given["timeout"]
        return float("inf") if timeout is None else self._began + timeout - time.monotonic()

    def _again(self, child: FlowRun) -> FlowRun:
        """Schedule a child again, or another one if its deployment was deleted since."""
        name = self._given["name"]
        assert child.deployment_id is not None
        try:
            self._client.read_deployment(child.deployment_id)
        except ObjectNotFound:
            _say(f"{name}: the deployment of {child.name} is deleted, and another run is started.")
            self._key, self._run_id = f"{self._key}-{child.deployment_id}", None
            return self.begin()
        _say(f"{name}: {child.name} is {child.state_name}, and runs again.")
        self._client.set_flow_run_state(child.id, AwaitingRetry())
        return self._client.read_flow_run(child.id)

    def _found(self) -> FlowRun | None:
        """Return the child, if there is one already."""
        if self._run_id:
            return self._client.read_flow_run(self._run_id)
        if self._key is None:
            return None
        wanted = FlowRunFilter(idempotency_key=FlowRunFilterIdempotencyKey(any_=[self._key]))
        runs = self._client.read_flow_runs(flow_run_filter=wanted)
        return runs[0] if runs else None

    def _is_stopped(self) -> bool:
        """Tell whether somebody cancels the parent."""
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=self._parents), state=STOPPED)
        return bool(self._parents and self._client.read_flow_runs(flow_run_filter=wanted))

    def _end_if_stopped(self) -> None:
        if self._is_stopped():
            raise CancelledRun(f"{self._given['name']} is not waited for: its parent is cancelled.")


def _has_failed(child: FlowRun) -> bool:
    """Tell whether a child has ended, and not well."""
    return bool(child.state and child.state.is_final() and not child.state.is_completed())


def _say(sentence: str) -> None:
    """Log something, if there is a run to log it in."""
    if FlowRunContext.get():
        get_run_logger().info(sentence)
