"""Know a call of `run_deployment` again in a retry."""

from typing import Any

from prefect.context import FlowRunContext

from .attempts import say_that_it_is_outside
from .calls import call_key, is_in_transaction

HOW = {"client", "timeout", "poll_interval", "as_subflow", "idempotency_key"}
"""What says how a child is waited for, and not what it is."""


def child_key(given: dict[str, Any]) -> str | None:
    """Return the key of a call, if it is certain that its child need not be started again."""
    context, name = FlowRunContext.get(), str(given["name"])
    if context is None:
        say_that_it_is_outside(name)
        return None
    if is_in_transaction(name):
        return None
    return call_key("deployment", name, {n: v for n, v in given.items() if n not in HOW})
