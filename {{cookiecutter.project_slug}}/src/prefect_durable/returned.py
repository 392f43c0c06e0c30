"""What is returned and stands for no result that a retry can use."""

from typing import Any

from prefect.client.schemas.objects import FlowRun, State
from prefect.states import is_state_iterable

CHANGED = "it changes what it is given, or closes over."


def has_failed(value: Any) -> bool:
    """Tell whether states are returned of which one is no success."""
    if isinstance(value, State) or is_state_iterable(value):
        states = [value] if isinstance(value, State) else value
        return not all(state.is_completed() for state in states)
    return False


def is_made(value: Any) -> bool:
    """Tell whether a state is returned that was made by hand, as Prefect does."""
    if not isinstance(value, State):
        return False
    return not (value.state_details.flow_run_id or value.state_details.task_run_id)


def holds_unfinished(value: Any) -> bool:
    """Tell whether flow runs are returned of which one has not completed."""
    if isinstance(value, dict):
        value = list(value.values())
    several = value if isinstance(value, list | tuple | set | frozenset) else [value]
    runs = [one for one in several if isinstance(one, FlowRun)]
    return not all(run.state and run.state.is_completed() for run in runs)


def why_repeated(value: Any) -> str:
    """Return why a retry repeats the call that returned something, or nothing."""
    if is_made(value):
        return "it returns a state."
    return "it returns a flow run that has not completed." if holds_unfinished(value) else ""
