"""A real Prefect server with a password, where the machines can reach it."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.database import migrated
from tests.hosts.machines.shell import start
from tests.waits import pauses

T = TypeVar("T")
Run = dict[str, Any]
# What two seconds are long enough for takes six where other machines have the processors.
PATIENCE = 3
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class PrefectServer:
    """A server on one address, with one database, however often it is stopped and started."""

    def __init__(self, folder: Path, programs: Path, address: str) -> None:
        """A server that is not running yet."""
        self.folder = folder
        migrated(folder)
        self._run_folder = folder.parent
        self._prefect = programs / "prefect"
        self._address = address
        self._port = _free_port(address)
        self.auth_string = f"admin:{secrets.token_hex(12)}"
        self.url = f"http://{address}:{self._port}/api"
        self.api = Api(self.url, self.auth_string)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        arguments = ["server", "start", "--host", self._address, "--port", str(self._port)]
        log = self.folder / "server.log"
        environment = {
            "PREFECT_HOME": str(self.folder),
            "PREFECT_SERVER_API_AUTH_STRING": self.auth_string,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            # Other layers of tests keep the disk busy beside it.
            "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
            "PREFECT_SERVER_UI_ENABLED": "false",
        }
        self._process = start([self._prefect, *arguments], self._run_folder, log, environment)
        eventually(self._healthy, 180, lambda: f"the server does not start:\n{log.read_text()}")

    def stop(self) -> None:
        """Stop at once."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)
            self._process = None

    def restart_with(self, auth_string: str) -> None:
        """Take another password from now on."""
        self.stop()
        self.auth_string = auth_string
        self.api.log_in(auth_string)
        self.start()

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


class Api:
    """What the tests ask of Prefect's API."""

    def __init__(self, url: str, auth_string: str) -> None:
        """Log in with `auth_string`."""
        self._client = httpx.Client(base_url=url, timeout=120)
        self.log_in(auth_string)

    def log_in(self, auth_string: str) -> None:
        """Use `auth_string` from now on."""
        user, _, password = auth_string.partition(":")
        self._client.auth = (user, password)

    def request(self, method: str, path: str, body: Any = None, tries: int = 10) -> Any:
        """The decoded answer to a request that has to succeed."""
        answer = self._client.request(method, path, json=body)
        # A busy SQLite; Prefect's own client asks again, too.
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and tries:
            time.sleep(1)
            return self.request(method, path, body, tries - 1)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def create_pool(self, name: str) -> None:
        """A process pool."""
        self.request("POST", "/work_pools/", {"name": name, "type": "process"})

    def online_since(self, pool: str, since: datetime) -> set[str]:
        """The workers of a pool that have been heard of since a moment, and are ONLINE."""
        workers = self.request("POST", f"/work_pools/{pool}/workers/filter", {})
        return {
            str(worker["name"])
            for worker in workers
            if worker["status"] == "ONLINE" and moment(worker["last_heartbeat_time"]) > since
        }

    def run(self, deployment: str, seconds: float = 120, **parameters: Any) -> Run:
        """A run of `flow/deployment`, when it has ended."""
        found = self.request("GET", f"/deployments/name/{deployment}")
        path = f"/deployments/{found['id']}/create_flow_run"
        run = self.request("POST", path, {"parameters": parameters})
        return eventually(
            lambda: self._ended(run["id"]),
            seconds,
            f"the run {run['id']} does not end",
        )

    def _ended(self, run_id: str) -> Run | None:
        run: Run = self.request("GET", f"/flow_runs/{run_id}")
        return run if run["state_type"] in FINAL else None

    def tasks(self, run: str) -> dict[str, str]:
        """The types of the states of a run's tasks, by their names."""
        body = {"flow_runs": {"id": {"any_": [run]}}}
        found = self.request("POST", "/task_runs/filter", body)
        return {str(task["name"]).rpartition("-")[0]: str(task["state_type"]) for task in found}

    def runs(self, pool: str) -> list[Run]:
        """The runs of a pool, newest first."""
        body = {"work_pools": {"name": {"any_": [pool]}}, "sort": "EXPECTED_START_TIME_DESC"}
        found: list[Run] = self.request("POST", "/flow_runs/filter", body)
        return found


def moment(text: str) -> datetime:
    """The moment that the API means."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def now() -> datetime:
    """This moment, as the API writes it."""
    return datetime.now(UTC)


def eventually(
    question: Callable[[], T | None],
    seconds: float,
    otherwise: Callable[[], str] | str,
) -> T:
    """The first answer that is true, or an error after so many seconds of a fast machine."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    for pause in pauses():
        if answer := question():
            return answer
        if time.monotonic() > deadline:
            break
        time.sleep(pause)
    sentence = otherwise if isinstance(otherwise, str) else otherwise()
    raise AssertionError(f"After {seconds} seconds: {sentence}")


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
