"""Runs of `again`: every reason there is for a second container."""

from __future__ import annotations

from collections import Counter

from tests.project.api import Api
from tests.project.processes import wait_until

# By name: the flow, how its first attempt ends, and the job variables.
ATTEMPTS: dict[str, tuple[str, str, dict[str, object]]] = {
    "button": ("again", "fail", {}),
    "suspended": ("again", "suspend", {}),
    "retries": ("again_retries", "crash", {}),
    "crash_retries": ("again", "crash", {"crash_retries": 1}),
}
SKIPPED = Counter({"done Cached": 1, "rest Completed": 1})


def start(api: Api) -> dict[str, str]:
    """Ask for a run of each kind, and return their ids by name."""
    return {
        name: api.start_with(flow, variables, how=how)
        for name, (flow, how, variables) in ATTEMPTS.items()
    }


def retry(api: Api, run: str) -> None:
    """Use the button when the first attempt has failed."""
    assert api.ended(run) == "FAILED"
    api.retry(run)


def resume(api: Api, run: str) -> None:
    """Resume a run that is suspended."""
    assert api.state(run) == "PAUSED"
    api.request("POST", f"/flow_runs/{run}/resume", {})


def second(api: Api, run: str) -> Counter[str]:
    """Return what became of its tasks in the second attempt, when all are known.

    What the first attempt had done may be lost with it, and a run that is resumed counts as one.
    """

    def seen() -> Counter[str]:
        tasks = api.tasks(run) + api.tasks(run, attempt=2)
        return Counter({name: tasks[name] for name in SKIPPED})

    wait_until(lambda: api.state(run) == "COMPLETED", f"the second attempt of {run}")
    wait_until(lambda: seen() == SKIPPED, f"{SKIPPED} of {run}")
    return seen()
