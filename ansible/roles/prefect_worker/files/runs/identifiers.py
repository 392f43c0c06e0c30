"""The only form that an identifier of the API's may have here, wherever it comes from."""

from __future__ import annotations

import uuid
from typing import Any


def is_one(text: Any) -> bool:
    """Return whether it is a UUID as the API writes them, so also a safe name of a file."""
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text
    except ValueError:
        return False


def checked(text: Any) -> str:
    """Return the identifier, or raise ValueError."""
    if not is_one(text):
        raise ValueError(f"{str(text)[:80]!r} is no identifier")
    return str(text)
