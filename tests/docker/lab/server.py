"""A Prefect server that can be restarted, with other settings too."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tests.database import migrated
from tests.project.api import Api
from tests.project.processes import running, wait_until

# A busy machine's disk can hold up SQLite for longer than Prefect's server waits.
PATIENT = {
    "PREFECT_SERVER_DATABASE_TIMEOUT": "120",
    "PREFECT_SERVER_DATABASE_CONNECTION_TIMEOUT": "120",
}


class Server:
    """A server of the project's Prefect, which listens on the machine's address."""

    def __init__(self, project: Path, environment: dict[str, str]) -> None:
        """Keep its files beside the project; it is not running yet."""
        self.api = Api(environment["PREFECT_API_URL"])
        self._project = project
        home = project.parent / "server"
        migrated(home)
        self._environment = environment | PATIENT | {"PREFECT_HOME": str(home)}
        self._started = ExitStack()

    def start(self, **settings: str) -> None:
        """Start with settings of its own, and wait for an answer."""
        port = self.api.url.rpartition(":")[2].removesuffix("/api")
        command = (".venv/bin/prefect", "server", "start", "--host", "0.0.0.0", "--port", port)
        log = self._project.parent / "server.log"
        environment = self._environment | settings
        self._started.enter_context(running(*command, cwd=self._project, env=environment, log=log))
        wait_until(self.api.healthy, "an answer of the server")

    def close(self) -> None:
        """Stop it, and wait for its end."""
        self._started.close()

    def restart(self, **settings: str) -> None:
        """Stop it, and start it with these settings."""
        self.close()
        self.start(**settings)
