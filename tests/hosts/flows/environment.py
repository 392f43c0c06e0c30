"""Flows that look at where they run, and at what becomes of what they say."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from prefect import flow, get_run_logger, task

SHARED = Path("/var/lib/prefect/shop-reports/shared")


@flow(log_prints=True)
def place() -> None:
    """Tell where this is, having written there."""
    here = Path.cwd()
    Path("report.csv").write_text("1\n")
    Path("src/report.csv").write_text("1\n")
    Path("/dev/shm/report").write_text("1\n")
    SHARED.mkdir(exist_ok=True)
    (SHARED / "report.csv").write_text("1\n")
    told = {
        "here": here,
        "project": os.environ["PROJECT_DIR"],
        "data": "shop-reports" in Path("pyproject.toml").read_text(),
        "package": importlib.import_module("shop_reports").__name__,
        "temporary": tempfile.gettempdir(),
        "disk": subprocess.run(
            ["stat", "-f", "-c", "%T", tempfile.gettempdir()],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip(),
        "path": sys.path[0],
        "program": shutil.which("prefect"),
    }
    for name, value in told.items():
        print(f"{name}={value}")


@task
def say(words: str) -> str:
    """Say it, and fail with it."""
    get_run_logger().info("said %s", words)
    raise ValueError(words)


@flow
def surrogate() -> None:
    """Fail with what is no character."""
    say("caf\udce9")


@flow(log_prints=True)
def flood(lines: int = 7_000) -> None:
    """Print a lot, then an error."""
    for number in range(lines):
        print(f"line {number}")
    get_run_logger().error("the last words")


@flow
def mail() -> None:
    """Send a mail, as shell scripts do."""
    subprocess.run(["/usr/sbin/sendmail", "root"], input=b"hi", timeout=20, check=True)


@flow(persist_result=True)
def kept() -> str:
    """Return what is to be kept; a plain flow of Prefect's."""
    return "x" * 100_000
