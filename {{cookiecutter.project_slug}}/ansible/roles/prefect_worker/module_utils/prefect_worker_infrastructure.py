"""Where a smoke run is executed: a process of this machine, or a container of its engine."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.prefect_worker_api import Api, quoted
from ansible.module_utils.prefect_worker_venv import COMPANIONS

# As in the project's base job template.
IN_A_PROCESS = (
    '[ -z "$RUN_LAUNCHER" ] || exec $RUN_LAUNCHER; exec .venv/bin/python -m prefect.engine'
)
# Where a container has the smoke flow, which is not in the project's image.
THERE = "/run/prefect_worker"
IN_A_CONTAINER = f"PYTHONPATH={THERE}:$PYTHONPATH exec prefect flow-run execute"
# The images of a release by their names, in its folder.
IMAGES = ".images.json"
# The command of a proof has it in a line that systemd expands, where Podman has its options.
IMAGE = re.compile(r"[A-Za-z0-9][\w.:/@-]*", re.ASCII)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SmokeTestError(Exception):
    """What became of the run instead."""


def checked(run: str) -> str:
    """Return the identifier that the API gave a run, which is a UUID or nothing."""
    return str(uuid.UUID(run))


class Processes:
    """The release's own Python; a mark on the disk tells that it ran here."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        """Take the parameters of the module."""
        self.executes = True
        self.job_variables: dict[str, Any] = {}
        self._marks = Path(wanted["home"], "smoke-tests")

    def command(self, run: str) -> list[str]:
        """What the worker would execute."""
        return [
            "/usr/bin/env",
            f"PREFECT__FLOW_RUN_ID={checked(run)}",
            "/bin/sh",
            "-c",
            IN_A_PROCESS,
        ]

    def has(self, run: str) -> bool:
        """Whether a run that completed did so here."""
        return (self._marks / checked(run)).exists()

    def clean(self, run: str) -> None:
        """Leave no mark."""
        # Where it is belongs to the workers' user, who could make a link or a file of it.
        with contextlib.suppress(OSError):
            folder = os.open(self._marks, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                os.unlink(checked(run), dir_fd=folder)
            finally:
                os.close(folder)


class Containers:
    """The project's image; the engine tells which runs it had, if it is not somebody else's."""

    def __init__(
        self, wanted: dict[str, Any], api: Api, release: Path, entrypoints: list[str]
    ) -> None:
        """Take the parameters of the module, and the flows that the release has."""
        self._wanted = wanted
        self._api = api
        self._podman = ["podman", "--url", wanted["engine"]]
        self._volume = f"{release / COMPANIONS}:{THERE}:ro"
        self.executes = bool(wanted["engine"])
        self._image = _accepted(_brought(release) or self._deployed(entrypoints))
        self.job_variables: dict[str, Any] = {
            **({"image": self._image} if self._image else {}),
            "volumes": [self._volume],
            "command": f"sh -c '{IN_A_CONTAINER}'",
        }

    def command(self, run: str) -> list[str]:
        """What the worker would have its engine do, as far as a run without a load needs it."""
        host = urlsplit(self._wanted["api_url"]).hostname
        network = f"--network={'host' if host in LOOPBACK else 'bridge'}"
        # Of the settings only Prefect's; its home is a folder of the machine's.
        environment = ["--env=PREFECT_*", f"--env=PREFECT__FLOW_RUN_ID={checked(run)}"]
        options = ["--rm", "--init", network, *environment, f"--volume={self._volume}"]
        image = self._image or _accepted(self._of_the_pool())
        shell = ["sh", "-c", IN_A_CONTAINER]
        without_home = ["/usr/bin/env", "--unset=PREFECT_HOME"]
        return [*without_home, *self._podman, "run", *options, image, *shell]

    def has(self, run: str) -> bool:
        """Whether a run that completed did so here."""
        if not self.executes:
            return True
        label = f"--filter=label=io.prefect.flow-run-id={run}"
        command = [*self._podman, "ps", "--all", "--quiet", label]
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return bool(found.strip())

    def clean(self, run: str) -> None:
        """Leave its container, which goes with the others."""

    def _deployed(self, entrypoints: list[str]) -> str:
        """The image that the newest deployment of one of the release's flows names, if one does."""
        pool = {"name": {"any_": [self._wanted["pool"]]}}
        wish = {"work_pools": pool, "sort": "UPDATED_DESC", "limit": 200}
        found = self._api.post("/deployments/filter", wish)
        mine = [one["job_variables"] for one in found if one["entrypoint"] in entrypoints]
        return next((str(one["image"]) for one in mine if one.get("image")), "")

    def _of_the_pool(self) -> str:
        pool = self._api.get(f"/work_pools/{quoted(self._wanted['pool'])}")
        variables = pool["base_job_template"].get("variables", {}).get("properties", {})
        return str(variables.get("image", {}).get("default") or "prefecthq/prefect")


def _accepted(image: str) -> str:
    """Return the name of an image, or nothing; SmokeTestError for what is no such name."""
    if image and not IMAGE.fullmatch(image):
        raise SmokeTestError(
            f"The image {image!r}, of a deployment or of the pool, is not accepted: a letter or "
            "digit, then letters, digits and . : / @ _ -."
        )
    return image


def _brought(release: Path) -> str:
    """Return the name of the image that came with the release, whose deployments may come later."""
    try:
        images: dict[str, str] = json.loads((release / IMAGES).read_text())
    except (OSError, ValueError):
        return ""
    return next(iter(images), "")
