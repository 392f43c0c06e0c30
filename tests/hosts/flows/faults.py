"""A flow to try faults with; what it does is written down where Prefect has no say."""

from __future__ import annotations

import ctypes
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from prefect import flow, runtime, task

NOTES = Path("/var/lib/prefect/shop-reports/faults")


@task
def step(name: str) -> str:
    """Write down that this happens now."""
    NOTES.mkdir(exist_ok=True)
    with (NOTES / str(runtime.flow_run.id)).open("a") as notes:
        notes.write(f"{name}\n")
    return name


def wait() -> None:
    """Wait until somebody says go."""
    while not (NOTES / f"{runtime.flow_run.id}.go").exists():
        time.sleep(0.1)


def eat() -> None:
    """Take more and more memory."""
    taken = []
    while True:
        taken.append(bytearray(16 << 20))


def feast() -> None:
    """Take 4 GiB, and give them back."""
    bytearray(4 << 30)


def fill() -> None:
    """Write until there is no room."""
    with Path("/tmp/rest").open("wb") as rest:
        while True:
            rest.write(bytes(1 << 20))


def breed() -> None:
    """Start a child that nobody ends."""
    subprocess.Popen(["sleep", "7777"])
    wait()


def mount() -> None:
    """Call what no flow may call."""
    ctypes.CDLL(None).mount(b"none", b"/mnt", b"tmpfs", 0, None)


WAYS: dict[str, Callable[[], object]] = {
    "": lambda: None,
    "wait": wait,
    "eat": eat,
    "feast": feast,
    "fill": fill,
    "breed": breed,
    "mount": mount,
    "segfault": lambda: ctypes.string_at(0),
}


@flow
def faults(how: str = "") -> None:
    """A step before and a step after."""
    step("before")
    WAYS[how]()
    step("after")


@flow(retries=1)
def retried(how: str = "") -> None:
    """The same, with a second chance."""
    step("before")
    WAYS[how]()
    step("after")
