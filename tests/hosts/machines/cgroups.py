"""A control group for each container where no systemd gives it one.

Containers that share a group share each other's slices, and wait for each other's processes.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path


def make(name: str) -> Path:
    """An empty group."""
    group = _unified() / name
    group.mkdir(exist_ok=True)
    return group


def remove(pattern: str) -> None:
    """End what runs in the groups that match, and remove them with all of theirs."""
    for group in _unified().glob(pattern):
        (group / "cgroup.kill").write_text("1")
        deadline = time.monotonic() + 10
        while group.exists() and time.monotonic() < deadline:
            _remove_tree(group)
            time.sleep(0.05)


def _remove_tree(group: Path) -> None:
    below = sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True)
    with contextlib.suppress(OSError):
        for path in (*below, group):
            path.rmdir()


def _unified() -> Path:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return next(Path(mount[1]) for mount in mounts if mount[2] == "cgroup2")
