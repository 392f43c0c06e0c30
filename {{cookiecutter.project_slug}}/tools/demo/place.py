"""A place of the demo's own: a folder, an environment, free ports, a pool."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ToolError
from ..project import FILE, Project
from .entries import write_deployments

FOLDER = Path(".demo").absolute()
NOT_OURS = ("PREFECT_", "RESULTS_", "PROJECT_DIR")
NOT_LINKED = {".demo", ".env", ".git", ".prefect", ".venv", str(FILE)}
STAND_IN = "demo"
"""A work pool of the type process, where the project's own needs a cluster."""


@dataclass(frozen=True)
class Place:
    """What is of the demo's own."""

    url: str
    pool: str
    pool_type: str
    worker_environment: dict[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    """A sentence for each deployment that the demo does not run."""


@contextmanager
def alone() -> Iterator[None]:
    """Hold a lock that ends with this process; raise ToolError where another demo holds it."""
    # The folder itself: no file is left, and no child inherits it.
    folder = os.open(FOLDER.parent, os.O_RDONLY)
    try:
        _lock(folder)
        yield
    finally:
        os.close(folder)


def _lock(folder: int) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ToolError(
            "Another demo of this project is going on: wait for its end, or interrupt it."
        ) from None


def enter(project: Project, copied: Collection[str], results: str) -> Place:
    """Go to a view of the project without its `.env`, in a clean environment.

    What is `copied` is all there is of the project; without it there is a link to each file.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    folder = FOLDER / "project"
    folder.mkdir(parents=True)
    for name in copied:
        _copy(Path(name), folder / name)
    for path in [] if copied else Path().iterdir():
        if path.name not in NOT_LINKED:
            (folder / path.name).symlink_to(path.absolute())
    stands_in = not copied and project.pool_type != "process"
    left_out = write_deployments(folder / FILE, project.pool, STAND_IN if stands_in else "")
    os.chdir(folder)
    url = f"http://127.0.0.1:{_free_port()}/api"
    _clean_environment(project, url, results)
    # The view of the project has no environment of its own.
    worker = {} if copied else {"PROJECT_DIR": str(folder), "RUN_PYTHON": sys.executable}
    if stands_in:
        return Place(url, STAND_IN, "process", worker, left_out)
    return Place(url, project.pool, project.pool_type, worker, left_out)


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a folder: an image cannot be built from links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)


def _clean_environment(project: Project, url: str, results: str) -> None:
    for name in [name for name in os.environ if name.startswith(NOT_OURS)]:
        del os.environ[name]
    os.environ.update(
        {
            "PREFECT_HOME": str(FOLDER / "home"),
            "PREFECT_API_URL": url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK": f"local-file-system/{project.name}",
            "RESULTS_DIR": results,
            "NO_PROXY": f"127.0.0.1,{os.environ.get('NO_PROXY', '')}",
        }
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
