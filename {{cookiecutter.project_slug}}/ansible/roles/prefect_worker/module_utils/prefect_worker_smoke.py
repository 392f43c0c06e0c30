"""One flow run on this very machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible.module_utils.prefect_worker_api import Api
from ansible.module_utils.prefect_worker_infrastructure import (
    Containers,
    Processes,
    SmokeTestError,
    checked,
)
from ansible.module_utils.prefect_worker_proved import proved_with
from ansible.module_utils.prefect_worker_sandboxed import run_as_worker

FLOW = "prefect-worker-smoke-test"
ENTRYPOINT = "prefect_worker_smoke.smoke"
PAUSE = 0.2
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class SmokeTest:
    """A run through the pool, or straight here: others may be quicker, or the worker goes on."""

    def __init__(self, api: Api, wanted: dict[str, Any], release: Path, alone: bool) -> None:
        """Create the run; a worker that is starting takes it as soon as it asks for work."""
        self._api = api
        self._wanted = wanted
        self._release = release
        self._entrypoints = proved_with(release, wanted["pool"])
        docker = wanted["type"] == "docker"
        self._place: Containers | Processes = (
            Containers(wanted, api, release, self._entrypoints) if docker else Processes(wanted)
        )
        self._named = bool(wanted["deployment"])
        self._direct = not alone and not self._named and self._place.executes
        self._tries = 0
        # By what executed it, for a run that did not come as far as to have a log.
        self._said = ""
        self._deployment = self._find() if self._named else self._create()
        self._run = self._ask()

    def finish(self) -> dict[str, Any]:
        """The run that completed here, or SmokeTestError."""
        if self._direct:
            self._execute()
            return self._judged()
        deadline = time.monotonic() + self._wanted["timeout"]
        while not self._is_here(deadline):
            # A worker elsewhere that was quicker proves nothing about this one.
            self._api.request("DELETE", f"/flow_runs/{self._run['id']}")
            self._run = self._ask()
        return self._judged()

    @property
    def unit(self) -> str:
        """The run's own unit, where runs have one."""
        worker = self._wanted["unit"].removesuffix(".service")
        name = worker.replace("prefect-worker-", "prefect-run-", 1)
        return f"{name}@{checked(self._run['id'])}.service"

    def clean(self) -> None:
        """Leave no deployment, no mark and no run that waits."""
        self._place.clean(str(self._run["id"]))
        if self._run["state"]["type"] not in FINAL:
            state = {"state": {"type": "CANCELLED"}, "force": True}
            self._api.post(f"/flow_runs/{self._run['id']}/set_state", state)
        if not self._named:
            self._api.request("DELETE", f"/deployments/{self._deployment}")

    def _find(self) -> str:
        flow, _, deployment = self._wanted["deployment"].partition("/")
        path = f"/deployments/name/{quote(flow, safe='')}/{quote(deployment, safe='')}"
        return str(self._api.get(path)["id"])

    def _create(self) -> str:
        """A deployment of the flow in every release; no worker hears of a direct one."""
        body = {
            "name": self._wanted["worker"],
            "flow_id": self._api.post("/flows/", {"name": FLOW})["id"],
            "work_pool_name": None if self._direct else self._wanted["pool"],
            "work_queue_name": None if self._direct else self._wanted["queue"] or None,
            "entrypoint": ENTRYPOINT,
            "job_variables": self._place.job_variables,
            "parameters": {"entrypoints": self._entrypoints},
            "enforce_parameter_schema": False,
        }
        return str(self._api.post("/deployments/", body)["id"])

    def _ask(self) -> dict[str, Any]:
        self._tries += 1
        body = {"state": {"type": "SCHEDULED"}}
        run: dict[str, Any] = self._api.post(
            f"/deployments/{self._deployment}/create_flow_run", body
        )
        return run

    def _execute(self) -> None:
        """Do what the worker does with a run it has taken."""
        settings = self._wanted["settings"]
        self._said = run_as_worker(
            self._place.command(str(self._run["id"])),
            self._wanted,
            self._release,
            [Path(f"{settings}.env"), Path(f"{settings}.secrets.env")],
        ).stdout
        self._read()

    def _read(self) -> dict[str, Any]:
        self._run = self._api.get(f"/flow_runs/{self._run['id']}")
        return self._run

    def _follow(self, deadline: float) -> dict[str, Any]:
        while self._read()["state"]["type"] not in FINAL and not self._is_elsewhere():
            if time.monotonic() > deadline:
                raise SmokeTestError(
                    f"The worker is ONLINE, but no smoke run completed on this machine in "
                    f"{self._wanted['timeout']} seconds ({self._tries} tried; the last is "
                    f"{self._run['state']['name']}): raise prefect_worker_timeout if the machine "
                    "is slow."
                )
            time.sleep(PAUSE)
        return self._run

    def _is_elsewhere(self) -> bool:
        taker = str((self._run["labels"] or {}).get("prefect.worker.name", ""))
        return taker not in ("", self._wanted["worker"])

    def _is_here(self, deadline: float) -> bool:
        """The worker's name says so; a mark on this machine's disk proves it."""
        run = self._follow(deadline)
        if run["state"]["type"] == "COMPLETED" and not self._named:
            return bool(self._place.has(str(run["id"])))
        return not self._is_elsewhere()

    def _judged(self) -> dict[str, Any]:
        state = self._run["state"]
        if state["type"] != "COMPLETED":
            why = f": {state['message']}" if state["message"] else ", and nothing says why"
            raise SmokeTestError(f"The smoke run ended {state['name']}{why}\n{self._logs()}")
        return self._run

    def _logs(self) -> str:
        body = {
            "logs": {"flow_run_id": {"any_": [self._run["id"]]}},
            "sort": "TIMESTAMP_ASC",
            "limit": 200,
        }
        lines = [str(log["message"]) for log in self._api.post("/logs/filter", body)]
        return "\n".join(["The last lines of its log:", *(lines or self._said.splitlines())[-15:]])
