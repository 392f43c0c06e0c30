"""Tell the API how a run ended that cannot tell itself."""

from __future__ import annotations

import datetime
import os
from typing import Any

import api
import records

OVER = {"COMPLETED", "FAILED", "CANCELLED"}
UNDER_WAY = {"RUNNING", "CANCELLING"}
# Seconds that a flow's delay counts at most, as a date has an end.
LATEST = 100 * 365 * 86400
# It says that when it is stopped, and does not know why it was.
OF_THE_ENGINE = "Execution was aborted by a termination signal"


def deliver(run: str, record: dict[str, Any]) -> bool:
    """Tell it, and forget the run; False if the API does not answer, as there is a next time."""
    try:
        print(_settle(run, record))
    except api.UnknownRunError:
        print(f"{run} is not at the API any more")
    except api.UnansweredError as error:
        print(f"Kept for later, the API does not take it: {error}")
        return False
    records.remove(run)
    return True


def _settle(run: str, record: dict[str, Any]) -> str:
    found = api.run(run)
    policy, reason = found["empirical_policy"], record["reason"]
    state = found["state"]["type"]
    if state in OVER or (state == "SCHEDULED" and policy["retry_type"] != "in_process"):
        return f"{run} is {found['state']['name']} already"
    if record.get("clean") and not _is_cut_short(found):
        return f"{run} has told of itself: {found['state']['name']}"
    if (worker := taken_by(found)) not in (None, os.environ["RUN_WORKER"]):
        return f"{run} runs again elsewhere, taken by {worker}"
    if state == "CANCELLING" or record.get("cancelled"):
        return f"{run} CANCELLED: {cancelled(run)}"
    if state == "PENDING" and record.get("lost"):
        return release(run, reason)
    if state == "PENDING":
        reason += ", before the flow began"
    if error := record.get("error"):
        reason += f": {error}"
    sentence = f"{reason[:1].upper()}{reason[1:].rstrip('.')}."
    vague = str(found["state"]["message"]).startswith(OF_THE_ENGINE)
    said = api.set_state(run, "CRASHED", "Crashed", sentence, force=vague)
    again = run_again(found, reason, record.get("retries", 0))
    return f"{run} CRASHED, {reason}: {said}\n{again}".rstrip()


def _is_cut_short(found: dict[str, Any]) -> bool:
    """Say whether the API knows of no end, no pause and no next attempt."""
    state = found["state"]["type"]
    return state in UNDER_WAY or (state == "PENDING" and not found["run_count"])


def cancelled(run: str) -> str:
    """Have the last word: a run that is stopped and not told why says it has crashed."""
    if api.run(run)["state"]["type"] == "CANCELLED":
        return "already"
    message = "Flow run was cancelled successfully."
    return api.set_state(run, "CANCELLED", "Cancelled", message, force=True)


def goes_on(run: str) -> str:
    """Contradict who takes its machine for gone; that counts as another attempt."""
    if (now := api.run(run)["state"])["type"] != "CRASHED":
        return f"{run} is {now['name']} already"
    message = "It is on its machine, and was not heard: see the network and the machine's clock."
    return f"{run} RUNNING: {api.set_state(run, 'RUNNING', 'Running', message)}"


def taken_by(found: dict[str, Any]) -> str | None:
    """The worker that took the run last; none for a moment after it has."""
    return (found.get("labels") or {}).get("prefect.worker.name")


def release(run: str, reason: str, delay: float = 0) -> str:
    """Let any worker take a run that was taken but never began."""
    message = f"Waits for a worker again: {reason}."
    return f"{run} SCHEDULED: {_schedule(run, 'Scheduled', message, delay)}"


def run_again(found: dict[str, Any], reason: str, after_crash: int) -> str:
    """Run it again if it had begun, and its flow or, for this case, its deployment asks for it."""
    policy = found["empirical_policy"]
    retries = max(policy["retries"] or 0, after_crash)
    if not 0 < found["run_count"] <= retries or not found["deployment_id"]:
        return ""
    message = f"{reason}; run {found['run_count']} of {retries + 1}"
    said = _schedule(found["id"], "AwaitingRetry", message, policy["retry_delay"] or 0)
    return f"{found['id']} AwaitingRetry: {said}"


def _schedule(run: str, name: str, message: str, delay: float) -> str:
    moment = api.now() + datetime.timedelta(seconds=min(delay, LATEST))
    return api.set_state(run, "SCHEDULED", name, message, {"scheduled_time": moment.isoformat()})
