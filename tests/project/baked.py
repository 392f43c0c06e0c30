"""A project as its owner has it: generated, installed, with a clean environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

TEMPLATE = Path(__file__).parents[2]
MYPY_CACHE = TEMPLATE / "build/mypy"
"""What mypy knows of Prefect, half a minute of a processor: it serves the projects of all tests."""
Make = Callable[..., "subprocess.CompletedProcess[str]"]


def bake(folder: Path, *answers: str) -> Path:
    """Generate a project into a folder."""
    cookiecutter = [sys.executable, "-m", "cookiecutter", "--no-input", "--output-dir", str(folder)]
    subprocess.run([*cookiecutter, str(TEMPLATE), *answers], check=True)
    return folder / "shop-reports"


def clean_environment(home: Path, url: str) -> dict[str, str]:
    """Return an environment without settings of whoever runs the tests."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {
        **clean,
        "HOME": str(home),
        "MYPY_CACHE_DIR": str(MYPY_CACHE),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "NO_PROXY": "127.0.0.1",
    }


def maker(project: Path, environment: dict[str, str]) -> Make:
    """Return a function that makes a target of a project."""

    def run(target: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--silent", target],
            cwd=project,
            env={**environment, **more},
            capture_output=True,
            text=True,
        )

    return run
