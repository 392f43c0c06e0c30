"""A real Prefect server on this machine, with a database of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.database import migrated
from tests.ports import free_port
from tests.results.lab.programs import Programs, listens, wait_until
from tests.results.lab.project import PLACE, clean_environment, virtual_environment


class Server:
    """A server that can be stopped and started again on the same address and database."""

    def __init__(self, programs: Programs, name: str, wait: bool = True, **settings: str) -> None:
        """Start it with nothing in its database, and `wait` until it listens."""
        self._programs, self._name, self._settings = programs, name, settings
        self._home = PLACE / name
        shutil.rmtree(self._home, ignore_errors=True)
        migrated(self._home)
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/api"
        self.log = programs.logs / f"{name}.log"
        self.start(wait)

    def start(self, wait: bool = True) -> None:
        """Start it with the database that it has; `wait` until it listens."""
        self._launch()
        if wait:
            self.wait()

    def wait(self) -> None:
        """Wait until it listens."""
        wait_until(lambda: listens(self._port), "Prefect's server does not listen")

    def stop(self) -> None:
        """Stop it; what it has not written yet is lost."""
        self._programs.stop(self._program)

    def kill(self) -> None:
        """Take it away at once, with what it has not written yet."""
        self._programs.kill(self._program)

    @property
    def pid(self) -> int:
        """Its process, as long as it is not stopped."""
        return self._program.pid

    def _launch(self) -> None:
        environment = clean_environment(self._home) | {
            "PREFECT_HOME": str(self._home),
            "PREFECT_SERVER_UI_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            **self._settings,
        }
        python = virtual_environment() / "bin/python"
        command: list[str | Path] = [python, "-m", "prefect", "server", "start"]
        command += ["--host", "127.0.0.1", "--port", str(self._port)]
        self._program = self._programs.start(self._name, command, environment)
