"""Waiting until the API has heard of a worker since it was started."""

from __future__ import annotations

import datetime
import subprocess
import time
from typing import Any

from ansible.module_utils.prefect_worker_api import Api, quoted

PAUSE = 0.5
# The API tells its time in whole seconds, and no worker reports in its first one.
CLOCK = 1


class UnprovedError(Exception):
    """Why the worker does not count as working."""


def wait_until_online(api: Api, wanted: dict[str, Any]) -> None:
    """Wait for the worker of `unit`, called `worker` in the `pool`, or raise after `timeout`."""
    deadline = time.monotonic() + wanted["timeout"]
    while True:
        state, started = _unit(wanted["unit"])
        problem = f"the unit is {state}"
        if state == "active":
            problem = _not_online(api, wanted, started)
            if not problem:
                return
        if time.monotonic() > deadline:
            raise UnprovedError(
                f"The worker {wanted['worker']!r} is not ONLINE in the pool {wanted['pool']!r} "
                f"after {wanted['timeout']} seconds: {problem}."
            )
        time.sleep(PAUSE)


def online_workers(api: Api, pool: str) -> list[dict[str, Any]]:
    """Return the workers of a pool that the API calls ONLINE."""
    found: list[dict[str, Any]] = []
    body = {"workers": {"status": {"any_": ["ONLINE"]}}, "limit": 200}
    while page := api.post(
        f"/work_pools/{quoted(pool)}/workers/filter", {**body, "offset": len(found)}
    ):
        found += page
        if len(page) < 200:
            break
    return found


def last_lines(unit: str) -> str:
    """Return the end of a unit's journal, under a headline."""
    command = ["journalctl", "--unit", unit, "--lines=30", "--no-pager", "--output=cat"]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return f"The last lines of the journal of {unit}:\n{output}" if output.strip() else ""


def _unit(name: str) -> tuple[str, float]:
    """Return the unit's state, and when it got there by this machine's clock."""
    keys = "--property=ActiveState,ActiveEnterTimestampMonotonic"
    command = ["systemctl", "show", name, keys]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = dict(line.split("=", 1) for line in output.splitlines())
    ago = time.monotonic() - int(found["ActiveEnterTimestampMonotonic"]) / 1e6
    return found["ActiveState"], time.time() - ago


def _not_online(api: Api, wanted: dict[str, Any], started: float) -> str:
    """Return what is missing; a heartbeat from before the start was another worker's."""
    for worker in online_workers(api, wanted["pool"]):
        if worker["name"] == wanted["worker"]:
            beat = worker["last_heartbeat_time"].replace("Z", "+00:00")
            heard = datetime.datetime.fromisoformat(beat).timestamp() - api.server_ahead
            return "" if heard > started + CLOCK else "it has not reported since it started"
    return "the API does not know it"
