"""What a tool says when it cannot do what is asked for."""

import re


class ToolError(Exception):
    """What is asked for cannot be done; the message says why."""


def without_password(text: object) -> str:
    """Return a text whose URLs name no user and no password."""
    return re.sub(r"(\w+://)?\S*@", r"\1***@", str(text))
