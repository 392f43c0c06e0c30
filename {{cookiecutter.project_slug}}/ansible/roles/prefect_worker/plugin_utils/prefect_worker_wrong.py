"""What a check of a variable is, and how it refuses a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Takes the value and, for what depends on others, the values of all variables.
Check = Callable[[Any, dict[str, Any]], None]


class WrongError(Exception):
    """What is accepted, as the rest of a sentence about the value."""
