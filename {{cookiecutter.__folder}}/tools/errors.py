"""What a tool says when it cannot do what is asked for."""


class ToolError(Exception):
    """What is asked for cannot be done; the message says why."""
