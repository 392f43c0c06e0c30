"""What a Prefect server says, asked over HTTP and without Prefect."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import httpx

from tests.project.processes import wait_until

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class Api:
    """A Prefect API."""

    def __init__(self, url: str) -> None:
        """Ask the API at a URL."""
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Return an answer; a busy server is asked again."""
        for _ in range(60):
            answer = self._client.request(method, path, json=body)
            if answer.status_code != 503:
                break
            time.sleep(1)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def healthy(self) -> bool:
        """Say whether the server answers."""
        try:
            return self._client.get("/health").is_success
        except httpx.TransportError:
            return False

    def start(self, flow: str, **parameters: Any) -> str:
        """Ask for a run of a deployment."""
        return self.start_with(flow, {}, **parameters)

    def start_with(self, flow: str, job_variables: dict[str, Any], **parameters: Any) -> str:
        """Ask for a run of a deployment with job variables of its own."""
        deployment = self.request("GET", f"/deployments/name/{flow.replace('_', '-')}/{flow}")
        path = f"/deployments/{deployment['id']}/create_flow_run"
        body = {"parameters": parameters, "job_variables": job_variables}
        run_id: str = self.request("POST", path, body)["id"]
        return run_id

    def retry(self, run_id: str) -> None:
        """Do what the Retry button does."""
        state = {"type": "SCHEDULED", "name": "AwaitingRetry"}
        self.request("POST", f"/flow_runs/{run_id}/set_state", {"state": state})

    def ended(self, run_id: str) -> str:
        """Wait for the end of a run and return its state."""
        wait_until(lambda: self.state(run_id) in ENDED, f"the end of flow run {run_id}")
        return self.state(run_id)

    def state(self, run_id: str) -> str:
        """Return the state that a run is in."""
        return str(self.request("GET", f"/flow_runs/{run_id}")["state_type"])

    def tasks(self, run_id: str, attempt: int = 1) -> Counter[str]:
        """Count the task runs of an attempt, subflows not included, as `name state`."""
        body = {"flow_runs": {"id": {"any_": [run_id]}}, "limit": 200}
        runs = self.request("POST", "/task_runs/filter", body)
        return Counter(
            f"{run['name'].rsplit('-', 1)[0]} {run['state_name']}"
            for run in runs
            if run["flow_run_run_count"] == attempt
        )

    def updated(self) -> dict[str, str]:
        """Return when each block, block type, schema and work pool was last written."""
        things = [
            *self.request("POST", "/block_documents/filter", {}),
            *self.request("POST", "/block_types/filter", {}),
            *self.request("POST", "/block_schemas/filter", {}),
            *self.request("POST", "/work_pools/filter", {}),
        ]
        return {thing["id"]: thing["updated"] for thing in things}
