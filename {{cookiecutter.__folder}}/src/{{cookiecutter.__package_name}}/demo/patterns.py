"""What the demo runs, and what it expects."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pattern:
    """A flow, the number of its task runs, and that of the edges between them.

    One with tasks to skip fails at first, and skips them when it is retried.
    """

    flow: str
    tasks: int
    edges: int
    skips: int = 0

    @property
    def deployment(self) -> str:
        """The full name of its deployment."""
        return f"{self.flow.replace('_', '-')}/{self.flow}"


PATTERNS = (
    Pattern("passing_data", tasks=4, edges=4),
    Pattern("wait_for", tasks=4, edges=4),
    Pattern("subflows", tasks=5, edges=3),
    Pattern("dynamic_tasks", tasks=7, edges=5),
    Pattern("fan_out", tasks=10, edges=0),
    Pattern("fleet", tasks=3, edges=0),
    Pattern("resume_from_failure", tasks=5, edges=4, skips=4),
)
