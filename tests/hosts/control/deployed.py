"""Flow runs of deployments that a test makes itself, with what they logged and told."""

from __future__ import annotations

import re
from typing import Any

from tests.hosts.control.faults import SET_FOLDER, THERE, Faults
from tests.hosts.control.server import Run

Steps = list[dict[str, Any]]
IN_PROJECT: Steps = [{SET_FOLDER: {"directory": "{{ $PROJECT_DIR }}"}}]


def ended(
    faults: Faults, flow: str, steps: Steps, entrypoint: str = "", seconds: float = 120, **job: Any
) -> Run:
    """Deploy a flow of `flows/environment.py`, or another's, run it and wait for its end."""
    faults.add(flow, entrypoint or f"{THERE}/environment.py:{flow}", steps)
    return faults.ended(faults.start(None, flow, **job), seconds)


def logged(faults: Faults, run: Run, last: int = 200) -> list[str]:
    """The last lines of a run's log at the API, in order; its process sends some as it ends."""
    faults.eventually(lambda: not faults.is_here(run["id"]), 120, run["id"])
    wish = {"flow_run_id": {"any_": [run["id"]]}}
    body = {"logs": wish, "sort": "TIMESTAMP_DESC", "limit": last}
    found = faults.api.request("POST", "/logs/filter", body)
    return [str(line["message"]) for line in reversed(found)]


def told(faults: Faults, run: Run) -> dict[str, str]:
    """The pairs that a run printed."""
    return dict(re.findall(r"^(\w+)=(.*)$", "\n".join(logged(faults, run)), re.M))
