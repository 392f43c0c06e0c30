"""What a workload's command line says."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib import metadata


def output(script: str, **environment: str) -> str:
    """Run a script in an empty folder, and return all it said; RuntimeError if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"exit {done.returncode}: {done.stdout[-1000:]}")
    return done.stdout.strip()


def total() -> None:
    """Say what program this is, with its arguments."""
    print(metadata.version("shop-reports"), *sys.argv[1:])
