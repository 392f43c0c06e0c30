"""What a timer does for a docker pool: report containers whose worker was not there to do so."""

from __future__ import annotations

import datetime
import os
import re
import signal
import subprocess
import time
from typing import Any

import api
import check
import deliver
import engine
import records
import report

# Seconds that a worker takes at most to see that a container has ended.
WORKER_REPORTS = 15
# By how many seconds the API's clock may be late, as its answers give whole ones.
API_ROUNDS = 1
# How often is tidied up, in seconds.
TIDIED = 3600
ENDS = deliver.OVER | {"CRASHED"}
# Podman 4 shows as created what ran when its machine lost power.
ENDED = ("created", "exited", "dead", "stopped")
RUN_LABEL = "io.prefect.flow-run-id"


def main(kept: str = "24") -> None:
    """Look at what ended here, at what was cancelled, and at what was never started.

    Containers stay for `kept` hours to be looked at. Each that is reported has a file, as has one
    that is stopped because its run was cancelled.
    """
    label = f"io.prefect.worker-name={os.environ['RUN_WORKER']}"
    try:
        found = engine.containers(label)
        # A run that was tried again has several, of which the last one counts.
        latest = {container["Labels"][RUN_LABEL]: container for container in found}
        here = {run for run, container in latest.items() if container["State"] == "running"}
        check.speak_for(here, lambda run: _is_running(latest[run]["Id"]))
        ended = [each for each in latest.items() if each[1]["State"] in ENDED]
        settled = [_look_at(run, container["Id"]) for run, container in ended]
        check.end_cancelled(here, lambda run: _stop(run, latest[run]["Id"]))
        check.release_pending(here, max(_active_seconds(), check.WORKER_STARTS))
        check.run_lost_again(set(latest))
        # Their ends are told by the containers alone.
        if all(settled):
            _tidy(label, int(kept), {container["Id"] for container in found})
    except (api.UnansweredError, api.UnknownRunError, engine.AwayError) as error:
        print(f"Next time: {error}")


def _look_at(run: str, container: str) -> bool:
    """Report it if nobody else does; whether there is nothing more to report."""
    record = records.read(container)
    if record and "cancelled" not in record:
        return True
    shown = engine.inspect(container)
    if not _has_begun(shown):
        return True
    reason, ago = _end(shown)
    if ago < WORKER_REPORTS:
        return False
    try:
        told = api.get(f"/flow_runs/{run}")
    except api.UnknownRunError:
        told = None
    # What is younger than the container's end is of another attempt, unless it is an end itself.
    if told and told["state"]["type"] not in ENDS and check.age(told) < ago - API_ROUNDS:
        return True
    if told and not deliver.deliver(run, {**record, "reason": reason}):
        return False
    records.write(container, {"run": run})
    return True


def _stop(run: str, container: str) -> None:
    """Its flow says that it has crashed, whether or not this comes as far as to say why."""
    records.write(container, {"run": run, "cancelled": True})
    engine.stop(container)


def _is_running(container: str) -> bool:
    return bool(engine.inspect(container)["State"]["Running"])


def _has_begun(shown: dict[str, Any]) -> bool:
    """Or else its worker is about to start it, or could not and said so."""
    return shown["State"]["Status"] != "created" or _moment(shown["State"]["StartedAt"]) > 0


def _end(shown: dict[str, Any]) -> tuple[str, float]:
    """Why a container ended, and how many seconds ago."""
    state = shown["State"]
    now, booted = time.time(), records.FIRST.stat().st_mtime
    began, ended = _moment(state["StartedAt"]), _moment(state["FinishedAt"])
    if began < booted and not began <= ended < booted:
        return "its machine was restarted or lost power", now - booted
    return _in_words(shown), now - ended


def _in_words(shown: dict[str, Any]) -> str:
    state = shown["State"]
    status = int(state["ExitCode"])
    if state["OOMKilled"]:
        return f"killed: used more than its {report.size(shown['HostConfig']['Memory'])}"
    if status > 128 and status - 128 in signal.Signals.__members__.values():
        name = signal.Signals(status - 128).name.removeprefix("SIG")
        return report.in_words("signal", "killed", name)
    return report.in_words("exit-code", "exited", str(status))


def _moment(text: str) -> float:
    """In seconds; engines write nanoseconds, and the year 1 for what has not been."""
    whole = datetime.datetime.fromisoformat(text[:19]).replace(tzinfo=datetime.UTC)
    fraction = re.match(r"\.\d+", text[19:])
    return whole.timestamp() + (float(fraction[0]) if fraction else 0)


def _active_seconds() -> float:
    """How long the worker has been there, who may be about to start what it has taken; or 0."""
    keys = "--property=ActiveState,ActiveEnterTimestampMonotonic"
    command = ["systemctl", "show", os.environ["RUN_UNIT"], keys]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = dict(line.split("=", 1) for line in shown.splitlines())
    if found["ActiveState"] != "active":
        return 0
    return time.monotonic() - int(found["ActiveEnterTimestampMonotonic"]) / 1e6


def _tidy(label: str, kept: int, there: set[str]) -> None:
    stamp = records.folder() / ".tidied"
    if stamp.exists() and time.time() - stamp.stat().st_mtime < TIDIED:
        return
    stamp.parent.mkdir(parents=True, exist_ok=True)
    engine.prune(label, kept)
    stamp.touch()
    for record in records.folder().glob("[!.]*"):
        if record.name not in there:
            record.unlink()
