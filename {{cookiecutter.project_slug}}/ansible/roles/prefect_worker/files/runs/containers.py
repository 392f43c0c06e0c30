"""What a timer does for a docker pool: report containers whose worker was not there to do so."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

import api
import check
import deliver
import ended
import engine
import own
import records

# Seconds that a worker takes at most to see that a container has ended.
WORKER_REPORTS = 15
# By how many seconds the API's clock may be late, as its answers give whole ones.
API_ROUNDS = 1
# How often images are pruned, in seconds.
PRUNED = 3600
# A run that is suspended, or waits for its next attempt, ends its container without an error.
LATER = {"PAUSED", "SCHEDULED"}
# Podman 4 shows as created what ran when its machine lost power.
ENDED = ("created", "exited", "dead", "stopped")


def main(kept: str = "24") -> None:
    """Look at what ended here, at what was cancelled, and at what was never started.

    Containers stay for `kept` hours to be looked at. Each has a file, from when it is seen first.
    """
    try:
        there = engine.containers()
        mine = [each for each in map(own.container, there) if each]
        # A run that was tried again has several, of which the last one counts.
        latest = {each.run: each for each in mine if each.run}
        here = {run for run, each in latest.items() if each.state == "running"}
        check.speak_for(here, lambda run: _is_running(latest[run].id))
        settled = [each for each in mine if _is_settled(each, latest)]
        check.end_cancelled(here, lambda run: _stop(latest[run]))
        check.release_pending(set(latest), max(_active_seconds(), check.WORKER_STARTS))
        check.run_lost_again(set(latest))
        # Their ends are told by the containers alone.
        _remove(settled, int(kept) * 3600)
        _tidy({each["Id"] for each in there})
    except (
        api.UnansweredError,
        api.UnknownRunError,
        engine.AwayError,
        engine.RefusedError,
    ) as error:
        print(f"Next time: {error}")


def _is_settled(container: own.Container, latest: dict[str, own.Container]) -> bool:
    """Say whether the container has ended and there is nothing more to report of it."""
    if container.state not in ENDED:
        return False
    if latest.get(container.run) is not container or container.record.get("settled"):
        return True
    try:
        return _report(container, engine.inspect(container.id))
    except engine.RefusedError:
        return False
    except (KeyError, TypeError, ValueError) as error:
        print(f"{container.id} cannot be reported: {error!r}")
        return False


def _report(container: own.Container, shown: dict[str, Any]) -> bool:
    """Report the end if nobody else does; say whether there is nothing more to report."""
    if not ended.has_begun(shown):
        return True
    reason, ago = ended.end(shown)
    if ago < WORKER_REPORTS:
        return False
    try:
        told = api.run(container.run)
    except api.UnknownRunError:
        told = None
    if told and not _is_told(told, shown, ago):
        retries = check.crash_retries(told, say=True)
        record = {**container.record, "reason": reason, "retries": retries}
        if not deliver.deliver(container.run, record):
            return False
    records.write(container.id, {"run": container.run, "settled": True})
    return True


def _is_told(told: dict[str, Any], shown: dict[str, Any], ago: float) -> bool:
    """Say whether the API knows already what became of the container's attempt."""
    state = told["state"]["type"]
    if state in deliver.OVER or (state in LATER and shown["State"]["ExitCode"] == 0):
        return True
    # What is younger than the container's end is of another attempt, unless it is an end itself.
    return state != "CRASHED" and check.age(told) < ago - API_ROUNDS


def _stop(container: own.Container) -> None:
    """End a cancelled run; its flow says CRASHED, whether or not this gets to say why."""
    container.record["cancelled"] = True
    records.write(container.id, container.record)
    engine.stop(container.id)


def _is_running(container: str) -> bool:
    try:
        return bool(engine.inspect(container)["State"]["Running"])
    except engine.RefusedError:
        return False


def _active_seconds() -> float:
    """How long the worker has been there, who may be about to start what it has taken; or 0."""
    keys = "--property=ActiveState,ActiveEnterTimestampMonotonic"
    command = ["systemctl", "show", os.environ["RUN_UNIT"], keys]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = dict(line.split("=", 1) for line in shown.splitlines())
    if found["ActiveState"] != "active":
        return 0
    return time.monotonic() - int(found["ActiveEnterTimestampMonotonic"]) / 1e6


def _remove(settled: list[own.Container], oldest: float) -> None:
    """Remove what is older, each by itself: others end meanwhile."""
    for container in settled:
        if time.time() - container.made > oldest:
            engine.remove(container.id)


def _tidy(there: set[str]) -> None:
    """Prune images that lost their name, and forget containers that are gone."""
    for record in records.folder().glob("[!.]*"):
        if record.name not in there:
            record.unlink()
    stamp = records.folder() / ".tidied"
    if stamp.exists() and time.time() - stamp.stat().st_mtime < PRUNED:
        return
    stamp.parent.mkdir(parents=True, exist_ok=True)
    engine.prune_images()
    stamp.touch()
