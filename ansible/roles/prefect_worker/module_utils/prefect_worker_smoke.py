"""One flow run on this very machine, through the pool, as any other run would go."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible.module_utils.prefect_worker_api import Api

FLOW = "prefect-worker-smoke-test"
PAUSE = 0.3
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class SmokeTestError(Exception):
    """What became of the run instead."""


class SmokeTest:
    """Runs a deployment until a run was this machine's: other workers may be quicker."""

    def __init__(self, api: Api, wanted: dict[str, Any], release: Path) -> None:
        """Take the proof's parameters, and the release to prove."""
        self._api = api
        self._wanted = wanted
        self._release = release
        self._marks = Path(wanted["home"], "smoke-tests")

    def run(self) -> dict[str, Any]:
        """The run that completed here, or SmokeTestError."""
        named = self._wanted["deployment"]
        deployment = self._named(named) if named else self._built_in()
        try:
            return self._until_here(deployment)
        finally:
            if not named:
                self._api.request("DELETE", f"/deployments/{deployment}")

    def _named(self, name: str) -> str:
        flow, _, deployment = name.partition("/")
        path = f"/deployments/name/{quote(flow, safe='')}/{quote(deployment, safe='')}"
        return str(self._api.get(path)["id"])

    def _built_in(self) -> str:
        """A deployment for the flow that comes with every release, gone again after the test."""
        flow = self._api.post("/flows/", {"name": FLOW})["id"]
        folder = str(self._release)
        step = {"prefect.deployments.steps.set_working_directory": {"directory": folder}}
        entrypoints = json.loads((self._release / ".ready").read_text())
        body = {
            "name": self._wanted["worker"],
            "flow_id": flow,
            "work_pool_name": self._wanted["pool"],
            "work_queue_name": self._wanted["queue"] or None,
            "entrypoint": ".prefect_worker/smoke.py:smoke",
            "path": folder,
            "pull_steps": [step],
            "parameters": {"entrypoints": entrypoints},
            "enforce_parameter_schema": False,
        }
        return str(self._api.post("/deployments/", body)["id"])

    def _until_here(self, deployment: str) -> dict[str, Any]:
        """A worker elsewhere that was quicker proves nothing about this one: ask again."""
        deadline = time.monotonic() + self._wanted["timeout"]
        tries = 0
        while True:
            tries += 1
            run = self._api.post(
                f"/deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}}
            )
            run = self._follow(run, deadline, tries)
            if self._is_here(run):
                (self._marks / str(run["id"])).unlink(missing_ok=True)
                return self._judged(run)
            # It may fail where it went, without the new release, and nobody should see that.
            self._api.request("DELETE", f"/flow_runs/{run['id']}")

    def _follow(self, run: dict[str, Any], deadline: float, tries: int) -> dict[str, Any]:
        while run["state"]["type"] not in FINAL and not self._is_elsewhere(run):
            if time.monotonic() > deadline:
                self._cancel(run)
                raise SmokeTestError(
                    f"The worker is ONLINE, but no smoke run completed on this machine in "
                    f"{self._wanted['timeout']} seconds ({tries} tried; the last is "
                    f"{run['state']['name']}): raise prefect_worker_timeout if the machine is slow."
                )
            time.sleep(PAUSE)
            run = self._api.get(f"/flow_runs/{run['id']}")
        return run

    def _cancel(self, run: dict[str, Any]) -> None:
        state = {"state": {"type": "CANCELLED"}, "force": True}
        self._api.post(f"/flow_runs/{run['id']}/set_state", state)

    def _is_elsewhere(self, run: dict[str, Any]) -> bool:
        return self._taker(run) not in ("", self._wanted["worker"])

    def _is_here(self, run: dict[str, Any]) -> bool:
        """The worker's name says so; a mark on this machine's disk proves it."""
        if run["state"]["type"] == "COMPLETED" and not self._wanted["deployment"]:
            return (self._marks / str(run["id"])).exists()
        return not self._is_elsewhere(run)

    def _taker(self, run: dict[str, Any]) -> str:
        return str((run["labels"] or {}).get("prefect.worker.name", ""))

    def _judged(self, run: dict[str, Any]) -> dict[str, Any]:
        state = run["state"]
        if state["type"] != "COMPLETED":
            raise SmokeTestError(
                f"The smoke run ended {state['name']}: {state['message']}\n{self._logs(run)}"
            )
        return run

    def _logs(self, run: dict[str, Any]) -> str:
        body = {
            "logs": {"flow_run_id": {"any_": [run["id"]]}},
            "sort": "TIMESTAMP_ASC",
            "limit": 200,
        }
        lines = [str(log["message"]) for log in self._api.post("/logs/filter", body)]
        return "\n".join(["The last lines of its log:", *lines[-15:]])
