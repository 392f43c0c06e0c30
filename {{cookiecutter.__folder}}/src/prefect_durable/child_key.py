"""Know a call of `run_deployment` again in a retry."""

from typing import Any

from prefect.context import FlowRunContext
from prefect.transactions import get_transaction

from .attempts import attempt_of, say_that_it_is_outside
from .call_store import is_of_others
from .calls import call_key

HOW = {"client", "timeout", "poll_interval", "as_subflow", "idempotency_key"}
"""What says how a child is waited for, and not what it is."""


def child_key(given: dict[str, Any]) -> str | None:
    """Return the key of a call, if it is certain that its child need not be started again."""
    context, name = FlowRunContext.get(), str(given["name"])
    if context is None:
        say_that_it_is_outside(name)
        return None
    attempt = attempt_of(context)
    if is_of_others(get_transaction()):
        attempt.say(f"A retry repeats {name}: it is called in a transaction.")
        return None
    return call_key("deployment", name, {n: v for n, v in given.items() if n not in HOW})
