"""Plays that are watched, and ended, between two of their tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

KILL = "kill -KILL $PPID"


def at_boundaries(commands: Mapping[str, str], notes: Path | None = None) -> dict[str, str]:
    """Return the environment for commands after tasks, and for notes of what changed."""
    return {
        "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).resolve().parent),
        "ANSIBLE_CALLBACKS_ENABLED": "boundary",
        "BOUNDARY_COMMANDS": json.dumps(dict(commands)),
        **({"BOUNDARY_NOTES": str(notes)} if notes else {}),
    }
