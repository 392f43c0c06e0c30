"""A real PostgreSQL for servers that have more clients than Prefect lets a SQLite server have."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.ports import free_port
from tests.results.lab.programs import Programs, listens, wait_until
from tests.results.lab.project import BUILD

# Where Debian has the programs of each version.
VERSIONS = Path("/usr/lib/postgresql")
USER = "prefect"
# PostgreSQL refuses to be root.
NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


# Root, and what Debian's package brings.
NEEDS = Path(__file__).parent


class Postgres:
    """One PostgreSQL, a database in it for each server."""

    def __init__(self) -> None:
        """Start it on a port of 127.0.0.1, with nothing in it."""
        self._programs = Programs(BUILD / "logs")
        self._bin = max(VERSIONS.iterdir(), key=lambda folder: float(folder.name)) / "bin"
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._port = free_port()
        os.chown(self._folder, NOBODY, NOBODY)
        self._run("initdb", "--auth=trust", f"--username={USER}", "--encoding=UTF8", self._folder)
        command: list[str | Path] = [*AS_NOBODY, self._bin / "postgres", "-D", self._folder]
        command += ["-p", str(self._port), "-c", "unix_socket_directories="]
        self._programs.start("postgres", command, os.environ, self._folder)
        wait_until(lambda: listens(self._port), "PostgreSQL does not listen")

    def database(self, name: str) -> str:
        """The address of a new database, as Prefect wants it."""
        place = ["--host=127.0.0.1", f"--port={self._port}", f"--username={USER}"]
        self._run("createdb", *place, name)
        return f"postgresql+asyncpg://{USER}@127.0.0.1:{self._port}/{name}"

    def remove(self) -> None:
        """Stop it, and leave none of its files."""
        self._programs.stop_all()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [*AS_NOBODY, self._bin / program, *arguments],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            check=True,
        )
