"""What `make demo` prints when every pattern does as it should."""

from __future__ import annotations

ROWS = [
    ["passing_data", "COMPLETED", "4", "0"],
    ["wait_for", "COMPLETED", "4", "0"],
    ["subflows", "COMPLETED", "5", "0"],
    ["dynamic_tasks", "COMPLETED", "7", "0"],
    ["fan_out", "COMPLETED", "10", "0"],
    ["fleet", "COMPLETED", "3", "0"],
    ["resume_from_failure", "FAILED", "5", "0"],
    ["retried", "COMPLETED", "1", "4"],
]


def rows_of(printed: str) -> list[list[str]]:
    """Return what the table says of each flow: its state, tasks run and skipped."""
    lines = [line.split() for line in printed.splitlines()]
    return [line[:4] for line in lines if len(line) == 5 and line[1] in ("COMPLETED", "FAILED")]
