"""What the demo has in the Docker engine: containers and a volume, which go when it ends."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

import docker
from docker.errors import DockerException, NotFound

from ..errors import ToolError
from ..project import BASE_JOB_TEMPLATE, read

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

OF_THE_PROJECT = (
    "src",
    "infrastructure",
    "tools",
    "prefect.toml",
    "pyproject.toml",
    "Dockerfile",
    ".dockerignore",
    "certificates",
    "requirements.txt",
    "ansible/roles/prefect_worker/files",
)
"""What the image is made of, and what the demo needs beside it."""


class Containers:
    """The containers of the demo's runs, and the volume with their results."""

    def __init__(self, project: str) -> None:
        """Name the volume, which is the label of the containers, too."""
        self._mark = f"{project}-demo"
        self._data = f"/var/lib/{project}"
        self.results = f"{self._data}/results"

    def __enter__(self) -> Containers:
        """Make sure that there is an engine, without anything of an earlier demo."""
        try:
            docker.from_env().ping()
        except DockerException as error:
            address = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
            raise ToolError(
                f"The demo runs flows in containers, and no Docker engine answers at {address}:"
                f" {error}. Start one, or say in DOCKER_HOST where it listens."
            ) from None
        self._remove_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove everything."""
        self._remove_all()

    def claim(self, client: SyncPrefectClient) -> None:
        """Make all containers the demo's, also those of runs that a flow starts."""
        # Prefect reads its settings when it is imported, which has to be after `enter`.
        from prefect.client.schemas.actions import DeploymentUpdate

        template = read(BASE_JOB_TEMPLATE, json.loads, json.JSONDecodeError)
        if "results_volume" in template["variables"]["properties"]:
            own: dict[str, Any] = {"results_volume": self._mark}
        else:
            own = {"volumes": [f"{self._mark}:{self._data}"]}
        for deployment in client.read_deployments():
            variables = {**(deployment.job_variables or {}), **own, "labels": {self._mark: ""}}
            client.update_deployment(deployment.id, DeploymentUpdate(job_variables=variables))

    def _remove_all(self) -> None:
        engine = docker.from_env()
        for container in engine.containers.list(all=True, filters={"label": self._mark}):
            container.remove(force=True)
        with suppress(NotFound):
            engine.volumes.get(self._mark).remove()
