"""What `make demo` prints when every pattern does as it should."""

from __future__ import annotations

ROWS = [
    ["passing_data", "COMPLETED", "4", "0", "yes"],
    ["wait_for", "COMPLETED", "4", "0", "yes"],
    ["subflows", "COMPLETED", "5", "0", "yes"],
    ["dynamic_tasks", "COMPLETED", "7", "0", "yes"],
    ["fan_out", "COMPLETED", "10", "0", "yes"],
    ["fleet", "COMPLETED", "3", "0", "yes"],
    ["resume_from_failure", "FAILED", "5", "0", "yes"],
    ["retried", "COMPLETED", "1", "4", "yes"],
]


def rows_of(printed: str) -> list[list[str]]:
    """Return what the table says of each flow: its state, tasks run and skipped, the verdict."""
    lines = [line.split() for line in printed.splitlines() if line.endswith(("  yes", "  NO"))]
    return [line[:4] + line[-1:] for line in lines]
