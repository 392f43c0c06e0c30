"""What a tool says when it cannot do what is asked for."""

import re
import sys
from collections.abc import Callable


class ToolError(Exception):
    """What is asked for cannot be done; the message says why."""


def ended(tool: Callable[[], int]) -> int:
    """Return what a tool returns, or 1 after printing why it cannot do what is asked for."""
    try:
        return tool()
    except ToolError as reason:
        print(reason, file=sys.stderr)
        return 1


def without_password(text: object) -> str:
    """Return a text whose URLs name no user and no password."""
    return re.sub(r"(\w+://)?\S*@", r"\1***@", str(text))
