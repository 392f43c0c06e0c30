"""Which play changes a worker, and whether one that began to is still at it."""

from __future__ import annotations

import multiprocessing
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

# How long a play of another control node counts as going on, in seconds: nobody can look.
LEASE = 1800
NAMESPACE = Path("/proc/self/ns/pid")
BOOT = Path("/proc/sys/kernel/random/boot_id")


class FilterModule:
    """Let tasks tell plays apart."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"prefect_worker_holder": holder, "prefect_worker_is_held": is_held}


def holder(_: str) -> dict[str, str]:
    """Return how this play is known: by its control node and its process."""
    # Tasks are worked out in children of the play's process.
    parent = multiprocessing.parent_process()
    process = str(parent.pid if parent else os.getpid())
    return {"name": platform.node(), "node": _node(), "process": process, "begun": _begun(process)}


def is_held(transaction: dict[str, Any], own: dict[str, str]) -> bool:
    """Return whether a transaction is that of another play, which goes on."""
    if not transaction or transaction["holder"] == own:
        return False
    other = transaction["holder"]
    if other["node"] == own["node"]:
        return _is_alive(other)
    return bool(transaction["age"] < LEASE)


def _node() -> str:
    """Return what tells control nodes apart, containers of one computer among them."""
    space = NAMESPACE.readlink() if NAMESPACE.is_symlink() else ""
    boot = BOOT.read_text().strip() if BOOT.exists() else ""
    return f"{platform.node()} {boot} {space}"


def _begun(process: str) -> str:
    """Return when a process that goes on began, as far as the system tells: numbers come again."""
    try:
        status = Path("/proc", process, "stat").read_text()
    except OSError:
        return ""
    fields = status.rpartition(")")[2].split()
    # What is dead stays until its parent has taken notice, which may be never in a container.
    return "" if fields[0] in "ZX" else fields[19]


def _is_alive(other: dict[str, str]) -> bool:
    try:
        os.kill(int(other["process"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _begun(other["process"]) == other["begun"]
