"""A database that Prefect has migrated once, for the servers of all tests.

A server that starts with an empty one needs twice the processor: `make demo` has such a one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from tests.locks import locked

BUILD = Path(__file__).parents[1] / "build/databases"


def migrated(home: Path) -> None:
    """Give a server's home, a folder without a database, one that has every migration."""
    # This Prefect is that of projects.
    made = BUILD / f"{version('prefect')}.db"
    with locked(made.with_suffix(".lock")):
        if not made.exists():
            _migrate(made)
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made, home / "prefect.db")


def _migrate(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        own = {name: each for name, each in os.environ.items() if not name.startswith("PREFECT_")}
        command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
        environment = {**own, "PREFECT_HOME": folder}
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
        # Who closes SQLite's database last leaves all of it in one file.
        assert [path.name for path in Path(folder).glob("prefect.db*")] == ["prefect.db"]
        Path(folder, "prefect.db").rename(target)
