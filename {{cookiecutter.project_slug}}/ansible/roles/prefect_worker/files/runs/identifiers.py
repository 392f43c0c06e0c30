"""The only forms that identifiers may have here, wherever they come from: safe names of files."""

from __future__ import annotations

import re
import uuid
from typing import Any


def is_one(text: Any) -> bool:
    """Return whether it is a UUID as the API writes them."""
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text
    except ValueError:
        return False


def is_containers(text: Any) -> bool:
    """Return whether it is what engines call a container."""
    return isinstance(text, str) and bool(re.fullmatch("[0-9a-f]{64}", text))


def checked(text: Any) -> str:
    """Return the identifier, or raise ValueError."""
    if not is_one(text):
        raise ValueError(f"{str(text)[:80]!r} is no identifier")
    return str(text)
