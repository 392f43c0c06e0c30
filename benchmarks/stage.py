"""A Prefect server, a generated project, and programs that run in the project's environment."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx

from tests.results.lab.programs import Programs
from tests.results.lab.project import BUILD, Project, virtual_environment
from tests.results.lab.seaweed import Seaweed
from tests.results.lab.server import Server

TOP = Path(__file__).parents[1]
FOLDER = BUILD / "bench"
LOCAL, S3 = "local", "s3"


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
        self.server.wait()
        done = project.bootstrap()
        if done.returncode:
            raise RuntimeError(done.stderr)
        return project

    def start_anew(self) -> None:
        """Lose what the server has not written, at once: nobody asks for it any more.

        It starts beside the next program, which waits for it.
        """
        self.server.kill()
        self.server.start(wait=False)

    def run(self, project: Project, name: str, *arguments: object) -> Any:
        """What a module of `in_project` found, in a process and an environment of the project."""
        environment = project.environment(PREFECT_LOGGING_LEVEL="CRITICAL")
        environment["PYTHONPATH"] += f":{TOP}"
        environment["BENCHMARK_SERVER"] = str(self.server.pid)
        module = f"benchmarks.in_project.{name}"
        done = subprocess.run(
            [project.python, "-m", module, project.package, *map(str, arguments)],
            cwd=project.folder,
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
        )
        return json.loads(done.stdout.splitlines()[-1])

    def post(self, path: str, **content: Any) -> Any:
        """Ask the API."""
        answer = httpx.post(f"{self.server.url}{path}", json=content, timeout=60)
        return answer.raise_for_status().json()
