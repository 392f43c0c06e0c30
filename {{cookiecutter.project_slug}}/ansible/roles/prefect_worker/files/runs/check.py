"""What a timer does: report what is not reported yet, and reconcile runs that have no worker."""

from __future__ import annotations

import datetime
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import api
import cancel
import deliver
import engine
import identifiers
import records

# Seconds a worker takes at most to cancel a run, and from taking one until its unit is there.
WORKER_CANCELS = 10
WORKER_STARTS = 60
# Seconds for the records, of those that systemd gives a check.
FOR_RECORDS = 30
# What the automation of `make bootstrap` says of a run whose machine is gone. The machine has so
# many seconds to contradict, and so many later nobody looks any more.
SILENT, CONTRADICTED, LOOK_BACK = "No heartbeat", 60, 3600
# What a worker says of a run that it took and did not start, as it lost the API: by being stopped.
# Where it was an engine of containers that did not answer in time, it may start the run yet.
NOT_STARTED = (
    r"(?s)(?!.*(UnixHTTPConnectionPool|http\+docker|Connection aborted))"
    r"Failed to submit flow run to infrastructure: \w*(Read|Write|Connect|Close|Protocol)\w*:"
)


def main() -> None:
    """Look at the runs that were here, then at those that were to be."""
    known = records.known()
    here = {run for run in known if _is_here(run)}
    try:
        speak_for(here, _is_here)
        _look_at_ended([run for run in known if run not in here])
        end_cancelled(here, _stop)
        release_pending(set(known), WORKER_STARTS)
        run_lost_again(set(known))
    except api.UnansweredError as error:
        print(f"Next time: {error}")


def by_itself(run: str, act: Callable[..., object], *what: Any) -> None:
    """Do something about one run; what is wrong with it costs the others nothing but a line."""
    try:
        act(run, *what)
    except (api.UnansweredError, engine.AwayError):
        raise
    except Exception as error:
        print(f"{run} is left alone: {type(error).__name__}: {error}")


def _is_here(run: str) -> bool:
    """Systemd removes a unit's control group when its last process is gone, and not before."""
    return Path(os.environ["RUN_GROUPS"], f"{os.environ['RUN_UNIT']}@{run}.service").exists()


def _look_at_ended(runs: list[str]) -> None:
    deadline = time.monotonic() + FOR_RECORDS
    for number, run in enumerate(runs):
        if time.monotonic() > deadline:
            print(f"{len(runs) - number} records are left for the next time")
            return
        by_itself(run, _look_at)


def _look_at(run: str) -> None:
    record = records.read(run)
    if "reason" not in record:
        if record.get("boot") != records.boot():
            record |= {"reason": "its machine was restarted or lost power", "lost": True}
        elif time.monotonic() - record.get("at", 0) > WORKER_STARTS:
            record |= {"reason": "it is not on its machine any more", "lost": True}
    if "reason" in record:
        deliver.deliver(run, record)


def _stop(run: str) -> None:
    records.write(run, {**records.read(run), "cancelled": True})
    cancel.stop(run)


def speak_for(here: set[str], is_here: Callable[[str], bool]) -> None:
    """Contradict who takes runs for lost that are here, before others run them again."""
    for found in _runs(["CRASHED"], {"id": {"any_": sorted(here)}}) if here else []:
        by_itself(found["id"], _speak_for, found, is_here)


def _speak_for(run: str, found: dict[str, Any], is_here: Callable[[str], bool]) -> None:
    if _is_silent(found) and is_here(run):
        print(deliver.goes_on(run))


def end_cancelled(here: set[str], stop: Callable[[str], None]) -> None:
    """Only the worker that started a run hears that it is cancelled, and it may be gone."""
    for found in _runs(["CANCELLING", "CANCELLED"], {"id": {"any_": sorted(here)}}) if here else []:
        by_itself(found["id"], _end_cancelled, found, stop)


def _end_cancelled(run: str, found: dict[str, Any], stop: Callable[[str], None]) -> None:
    if age(found) > WORKER_CANCELS:
        stop(run)
        deliver.cancelled(run)


def _is_silent(found: dict[str, Any]) -> bool:
    return str(found["state"]["message"]).startswith(SILENT)


def release_pending(known: set[str], most: float) -> None:
    """Let others take what this machine took `most` seconds ago and never started."""
    for found in _runs(["PENDING"], {}):
        by_itself(found["id"], _release_pending, found, known, most)


def _release_pending(run: str, found: dict[str, Any], known: set[str], most: float) -> None:
    mine = deliver.taken_by(found) in (None, os.environ["RUN_WORKER"])
    if mine and run not in known and age(found) > most:
        print(deliver.release(run, "the worker that took it did not start it"))


def run_lost_again(known: set[str]) -> None:
    """Its own machine or worker is gone, so any of the pool's may ask for it."""
    since = api.now() - datetime.timedelta(seconds=LOOK_BACK)
    for found in _runs(["CRASHED"], {"end_time": {"after_": since.isoformat()}}):
        by_itself(found["id"], _run_lost_again, found, known)


def _run_lost_again(run: str, found: dict[str, Any], known: set[str]) -> None:
    if _is_silent(found):
        if age(found) > CONTRADICTED:
            again = deliver.run_again(found, "its machine was gone", crash_retries(found))
            print(again, end="\n" if again else "")
    elif not found["run_count"] and run not in known and _is_not_started(found):
        print(deliver.release(run, "the worker that took it lost the API"))


def _is_not_started(found: dict[str, Any]) -> bool:
    return bool(re.match(NOT_STARTED, str(found["state"]["message"])))


def crash_retries(found: dict[str, Any], say: bool = False) -> int:
    """Return how often the run's deployment wants it run again after a crash."""
    if not found["deployment_id"]:
        return 0
    try:
        deployment = api.get(f"/deployments/{identifiers.checked(found['deployment_id'])}")
    except api.UnknownRunError:
        return 0
    variables = {**deployment["job_variables"], **found["job_variables"]}
    return records.times(variables.get("crash_retries"), say)


def _runs(states: list[str], wish: dict[str, Any]) -> list[dict[str, Any]]:
    body = {
        "flow_runs": {"state": {"type": {"any_": states}}, **wish},
        "work_pools": {"name": {"any_": [os.environ["RUN_POOL"]]}},
    }
    return [
        found for found in api.post("/flow_runs/filter", body) if identifiers.is_one(found["id"])
    ]


def age(found: dict[str, Any]) -> float:
    """Seconds since a run has been in its state."""
    since = datetime.datetime.fromisoformat(found["state"]["timestamp"].replace("Z", "+00:00"))
    return (api.now() - since).total_seconds()
