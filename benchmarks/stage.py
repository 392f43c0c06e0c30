"""A Prefect server, a generated project, and programs that run in the project's environment."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks.processor import cpu_seconds
from tests.results.lab.programs import Programs
from tests.results.lab.project import BUILD, Project, virtual_environment
from tests.results.lab.seaweed import Seaweed
from tests.results.lab.server import Server

TOP = Path(__file__).parents[1]
FOLDER = BUILD / "bench"
LOCAL, S3 = "local", "s3"
# Of one processor, by a server that has nothing left to write.
IDLE = 0.1
PATIENCE = 10.0


class Stage:
    """All of it, and the end of it."""

    def __init__(self) -> None:
        """Start a server."""
        self.programs = Programs(BUILD / "logs")
        try:
            self.server = Server(self.programs, "bench-server")
        except BaseException:
            self.programs.stop_all()
            raise

    def close(self) -> None:
        """Take everything away; nobody asks for it any more."""
        self.programs.kill_all()

    def project(self, storage: str) -> Project:
        """A project with its storage block and pool, results kept there."""
        folder = FOLDER / storage
        if storage == S3:
            settings = Seaweed(self.programs, FOLDER / "seaweed").settings()
        else:
            settings = {"RESULTS_DIR": str(folder / "results")}
        project = Project(storage, folder, self.server.url, self.programs, settings)
        # Each package that Prefect finds costs it time and memory: no more than users have.
        project.python = virtual_environment(storage) / "bin/python"
        done = project.bootstrap()
        if done.returncode:
            raise RuntimeError(done.stderr)
        return project

    def rest(self) -> None:
        """Let the server write what it was told, or lose it if that takes too long.

        It writes down for minutes what a large run did in seconds, and meanwhile keeps every other
        run waiting, ours or not.
        """
        deadline = time.monotonic() + PATIENCE
        while self._busy() > IDLE:
            if time.monotonic() > deadline:
                self.start_anew()
                deadline += PATIENCE

    def start_anew(self) -> None:
        """Lose what the server has not written, at once: nobody asks for it any more."""
        self.server.kill()
        self.server.start()

    def post(self, path: str, **content: Any) -> Any:
        """Ask the API."""
        answer = httpx.post(f"{self.server.url}{path}", json=content, timeout=60)
        return answer.raise_for_status().json()

    def _busy(self) -> float:
        before = cpu_seconds(self.server.pid)
        time.sleep(1)
        return cpu_seconds(self.server.pid) - before


def in_project(project: Project, name: str, *arguments: object, **more: str) -> Any:
    """What a module of `in_project` found, in a process and an environment of the project."""
    environment = project.environment(PREFECT_LOGGING_LEVEL="CRITICAL", **more)
    environment["PYTHONPATH"] += f":{TOP}"
    module = f"benchmarks.in_project.{name}"
    done = subprocess.run(
        [project.python, "-m", module, project.package, *map(str, arguments)],
        cwd=project.folder,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])
