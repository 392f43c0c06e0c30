#!/usr/bin/python
"""Wait until the worker is ONLINE, then until a flow run has completed on this machine."""

from __future__ import annotations

import datetime
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_api import ARGUMENTS as API_ARGUMENTS
from ansible.module_utils.prefect_worker_api import Api, ApiError, quoted
from ansible.module_utils.prefect_worker_places import SmokeTestError
from ansible.module_utils.prefect_worker_secrets import secrets_in
from ansible.module_utils.prefect_worker_smoke import SmokeTest

ARGUMENTS: dict[str, dict[str, Any]] = {
    **API_ARGUMENTS,
    "unit": {"type": "str", "required": True},
    "pool": {"type": "str", "required": True},
    "type": {"type": "str", "required": True},
    "engine": {"type": "str", "default": ""},
    "worker": {"type": "str", "required": True},
    "timeout": {"type": "int", "required": True},
    "project": {"type": "path", "required": True},
    "home": {"type": "path", "required": True},
    "settings": {"type": "path", "required": True},
    "user": {"type": "str", "required": True},
    "sandbox": {"type": "str", "required": True},
    "overrides": {"type": "str", "default": ""},
    "smoke": {"type": "bool", "default": False},
    "deployment": {"type": "str", "default": ""},
    "queue": {"type": "str", "default": ""},
    "together": {"type": "bool", "default": False},
    "again": {"type": "bool", "default": False},
    "kept": {"type": "bool", "default": False},
}
PAUSE = 0.5
# The API tells its time in whole seconds, and no worker reports in its first one.
CLOCK = 1


class UnprovedError(Exception):
    """Why the worker does not count as working."""


def main() -> None:
    """Prove the worker; the proof of a run is kept beside its release, and asked for once."""
    module = AnsibleModule(ARGUMENTS)
    wanted = module.params
    # What a flow or the worker says may have one of them in it.
    module.no_log_values.update(secrets_in(Path(f"{wanted['settings']}.secrets.env").read_text()))
    release = Path(wanted["project"], "current").resolve()
    proof = release / f".proved-{wanted['unit']}"
    run: dict[str, Any] = {}
    try:
        api = Api(wanted, patience=wanted["timeout"])
        if wanted["smoke"] and (wanted["again"] or not proof.exists()):
            proof.unlink(missing_ok=True)
            run = _prove_by_a_run(api, wanted, release)
            proof.touch()
        else:
            _wait_until_online(api, wanted)
    except (ApiError, UnprovedError, SmokeTestError) as error:
        module.fail_json(msg=f"{error}\n{_journal(wanted['unit'])}")
    sentence = (
        f"worker ONLINE: {wanted['worker']} in the pool {wanted['pool']}, release {release.name}"
    )
    if run:
        sentence += (
            f"; flow run {run['id']} {run['state']['name'].upper()} on {socket.gethostname()}"
        )
    module.exit_json(changed=bool(run), sentence=sentence)


def _prove_by_a_run(api: Api, wanted: dict[str, Any], release: Path) -> dict[str, Any]:
    """The run is there before the worker is: it need not wait for the next time that one asks."""
    others = {worker["name"] for worker in _workers(api, wanted["pool"])} - {wanted["worker"]}
    # A worker that goes on takes runs as it did; what is new is the release. Those that are made
    # together would take each other's.
    alone = not (others or wanted["kept"] or wanted["together"])
    test = SmokeTest(api, wanted, release, alone=alone)
    try:
        _wait_until_online(api, wanted)
        run: dict[str, Any] = test.finish()
    except SmokeTestError as error:
        raise UnprovedError(f"{error}\n{_journal(test.unit)}") from error
    finally:
        test.clean()
    return run


def _wait_until_online(api: Api, wanted: dict[str, Any]) -> None:
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


def _unit(name: str) -> tuple[str, float]:
    """The unit's state, and when it got there by this machine's clock."""
    keys = "--property=ActiveState,ActiveEnterTimestampMonotonic"
    command = ["systemctl", "show", name, keys]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = dict(line.split("=", 1) for line in output.splitlines())
    ago = time.monotonic() - int(found["ActiveEnterTimestampMonotonic"]) / 1e6
    return found["ActiveState"], time.time() - ago


def _not_online(api: Api, wanted: dict[str, Any], started: float) -> str:
    """What is missing; a heartbeat from before the start was another worker's of this name."""
    for worker in _workers(api, wanted["pool"]):
        if worker["name"] == wanted["worker"]:
            if worker["status"] != "ONLINE":
                return f"the API says {worker['status']}"
            beat = worker["last_heartbeat_time"].replace("Z", "+00:00")
            heard = datetime.datetime.fromisoformat(beat).timestamp() - api.server_ahead
            return "" if heard > started + CLOCK else "it has not reported since it started"
    return "the API does not know it"


def _workers(api: Api, pool: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    body = {"workers": {"status": {"any_": ["ONLINE"]}}, "limit": 200}
    while page := api.post(
        f"/work_pools/{quoted(pool)}/workers/filter", {**body, "offset": len(found)}
    ):
        found += page
        if len(page) < 200:
            break
    return found


def _journal(unit: str) -> str:
    command = ["journalctl", "--unit", unit, "--lines=30", "--no-pager", "--output=cat"]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return f"The last lines of the journal of {unit}:\n{output}" if output.strip() else ""


if __name__ == "__main__":
    main()
