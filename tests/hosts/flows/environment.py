"""Flows that look at where they run, and at what becomes of what they say."""

from __future__ import annotations

import ctypes
import importlib
import itertools
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from prefect import flow, get_run_logger, runtime, task

NOTES = Path("/var/lib/prefect/shop-reports/faults")
SHARED = Path("/var/lib/prefect/shop-reports/shared")
SEGMENT = 0x5E6


def _of_a_fork() -> str:
    """Return how a child of this process takes SIGTERM."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, str(signal.getsignal(signal.SIGTERM)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return os.read(read, 100).decode()


@flow(log_prints=True)
def where() -> None:
    """Tell where this is."""
    print(f"here={Path.cwd()}")


@flow(log_prints=True)
def place() -> None:
    """Tell where this is, having written there."""
    here = Path.cwd()
    Path("report.csv").write_text("1\n")
    Path("src/report.csv").write_text("1\n")
    Path("/dev/shm/report").write_text("1\n")
    # A segment of System V's shared memory.
    assert ctypes.CDLL(None).shmget(SEGMENT, 4096, 0o1666) >= 0
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
        "forked": _of_a_fork(),
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
    say("caf\udce9\0")


@flow(log_prints=True)
def flood(lines: int = 7_000) -> None:
    """Print a lot, half of it by a logger of its own, then an error."""
    child = logging.getLogger("prefect.flow_runs.shop")
    for number in range(0, lines, 2):
        print(f"line {number}")
        child.info(f"line {number + 1}")
    get_run_logger().error("the last words")


@flow(log_prints=True)
def flood_on() -> None:
    """Print until somebody says go."""
    go = NOTES / f"{runtime.flow_run.id}.go"
    for number in itertools.count():
        print(f"line {number}")
        # More than a run may say, and not all that a processor can.
        if number % 100 == 0:
            time.sleep(0.05)
        if go.exists():
            break


@flow(persist_result=True)
def kept() -> str:
    """Return what is to be kept; a plain flow of Prefect's."""
    return "x" * 100_000
