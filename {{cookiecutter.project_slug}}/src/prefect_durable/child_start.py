"""The start of a child run, by Prefect's own function."""

from collections.abc import Callable
from contextlib import nullcontext
from contextvars import ContextVar
from typing import Any

import prefect.deployments
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound

BeforeStart = Callable[[SyncPrefectClient, dict[str, Any]], None]

before_start: ContextVar[BeforeStart | None] = ContextVar("before_start", default=None)
"""What is called before a child is started, with Prefect's arguments, and may raise."""


class DeploymentNotFound(ObjectNotFound):
    """The API has no deployment of the name that was asked for."""

    def __init__(self, message: str) -> None:
        """Have a message, which Prefect's own has not."""
        super().__init__(LookupError(message), message)


def start_child(client: SyncPrefectClient, given: dict[str, Any], key: str | None) -> FlowRun:
    """Start a child without waiting for it; `key` tells it apart if the caller gave no other.

    Raises DeploymentNotFound, and what `before_start` raises.
    """
    if may_raise := before_start.get():
        may_raise(client, given)
    context = FlowRunContext.get()
    # Prefect knows what stands for a child in its parent by the order of the calls, which may
    # be another one in a retry: two children would share it. A detached one has its own.
    alone: Any = context.model_copy(update={"detached": True}) if context else nullcontext()
    start: Any = prefect.deployments.run_deployment
    asked = {**given, "timeout": 0, "idempotency_key": key or given["idempotency_key"]}
    try:
        with alone:
            child: FlowRun = start(**asked, _sync=True)
    except ObjectNotFound:
        name = str(given["name"])
        raise DeploymentNotFound(f"The Prefect API has no deployment {name!r}.") from None
    return child
