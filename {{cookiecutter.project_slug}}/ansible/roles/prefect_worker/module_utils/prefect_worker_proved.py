"""What a release was proved with: it counts for a pool once that pool's flows have imported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ansible.module_utils.prefect_worker_atomic import replace

READY = ".ready"
PYTHON = ".venv/bin/python"


def is_whole(folder: Path) -> bool:
    """Whether a release was proved by some worker, and its Python is still on the machine."""
    return (folder / READY).exists() and (folder / PYTHON).exists()


def is_proved(folder: Path, pool: str, entrypoints: Sequence[str]) -> bool:
    """Whether it is whole, and was proved with these flows of a pool."""
    return is_whole(folder) and set(entrypoints) <= set(_by_pool(folder).get(pool, []))


def proved_with(folder: Path, pool: str) -> list[str]:
    """The entrypoints that it was proved with for a pool."""
    found = _by_pool(folder)
    # Of a role that did not tell pools apart.
    return found.get(pool, found.get("", []))


def prove(folder: Path, pool: str, entrypoints: Sequence[str]) -> None:
    """Write down that these flows of a pool import."""
    found = _by_pool(folder) if is_whole(folder) else {}
    content = json.dumps({**found, pool: sorted(entrypoints)})
    replace(folder / READY, content.encode(), 0o644)


def _by_pool(folder: Path) -> dict[str, list[str]]:
    found = json.loads((folder / READY).read_text())
    return found if isinstance(found, dict) else {"": found}
