"""What the values in `prefect.yaml` say: references in double braces, steps, mappings."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

STEPS = ("build", "push", "pull")
_CLONES = ("git_clone", "pull_from")
_REFERENCE = re.compile(r"\{\{\s*(.*?)\s*\}\}")


def references(value: object) -> list[str]:
    """Return the names in double braces, except those in the steps of a deployment."""
    if isinstance(value, dict):
        rest = [item for key, item in value.items() if key not in STEPS]
        return [name for item in rest for name in references(item)]
    if isinstance(value, list):
        return [name for item in value for name in references(item)]
    return _REFERENCE.findall(value) if isinstance(value, str) else []


def unresolved(names: list[str], known: Collection[str]) -> list[str]:
    """Return the names that are neither known, nor an output of a known step, nor Prefect's."""
    rest = [name for name in names if not name.startswith(("prefect.", "ctx."))]
    return [name for name in rest if name not in known and name.split(".")[0] not in known]


def clones(pull: object) -> bool:
    """Say whether pull steps bring the code to where it runs."""
    steps = pull if isinstance(pull, list) else []
    names = [str(name).rpartition(".")[2] for step in steps for name in mapping(step)]
    return any(name.startswith(_CLONES) for name in names)


def mapping(value: object) -> dict[str, Any]:
    """Return a mapping as it is, and anything else as an empty one."""
    return value if isinstance(value, dict) else {}
