"""The references in double braces that `prefect.yaml` may contain."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

STEPS = ("build", "push", "pull")
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


def mapping(value: object) -> dict[str, Any]:
    """Return a mapping as it is, and anything else as an empty one."""
    return value if isinstance(value, dict) else {}
