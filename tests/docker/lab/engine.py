"""A real Docker engine with files and processes of its own, which go when it goes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.hosts.machines.shell import run
from tests.project.processes import wait_until

# Whoever starts the engine takes it along, however it ends itself.
WITH_US = ["setpriv", "--pdeathsig=KILL"]
NAMESPACES = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


class Engine:
    """An engine that can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        """Keep images and containers in memory; the engine is not running yet."""
        self._files = folder / "engine"
        self._log = folder / "engine.log"
        self._files.mkdir(parents=True, exist_ok=True)
        # Images are a hundred thousand files, which a disk takes a minute to remove.
        run(["mount", "-t", "tmpfs", "-o", "size=4g", "engine", self._files])
        # The path of a socket may have a hundred characters.
        self._short = Path(tempfile.mkdtemp(prefix="engine-"))
        self.address = f"unix://{self._short}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = {
            "host": self.address,
            "data-root": str(self._files),
            "exec-root": f"{self._short}/exec",
            "pidfile": f"{self._short}/pid",
            "exec-opt": "native.cgroupdriver=cgroupfs",
        }
        command = [
            *WITH_US,
            *NAMESPACES,
            "dockerd",
            *(f"--{name}={of}" for name, of in options.items()),
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers, f"an answer of the engine; its log is {self._log}")

    def stop(self) -> None:
        """Stop it and whatever runs in it."""
        if self._process:
            pid = self._process.pid
            # The process in between does not pass signals on.
            (dockerd,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            os.kill(int(dockerd), signal.SIGTERM)
            self._process.wait(60)
            self._process = None

    def remove(self) -> None:
        """Stop it and remove its files."""
        self.stop()
        shutil.rmtree(self._short)
        run(["umount", self._files])

    def docker(self, *arguments: str) -> str:
        """Return what the client prints."""
        return run(["docker", "--host", self.address, *arguments])

    def inspect(self, name: str) -> dict[str, Any]:
        """Return all that the engine knows of a container or an image."""
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", name))
        return found[0]

    def containers(self, *options: str) -> list[str]:
        """Return the ids of containers."""
        return self.docker("ps", "--quiet", "--no-trunc", *options).split()

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self._log.read_text()[-3000:]
        asked = ["docker", "--host", self.address, "version"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0
