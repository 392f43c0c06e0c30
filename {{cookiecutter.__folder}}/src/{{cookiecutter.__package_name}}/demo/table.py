"""The table at the end."""

from __future__ import annotations

from .runs import Row

HEADINGS = ("flow", "final state", "tasks run", "skipped", "edges", "seconds", "as expected")


def table(rows: list[Row]) -> str:
    """Return a line for each row, the numbers aligned on the right."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(
            cell.ljust(width) if column in (0, 1, 6) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.flow,
        row.state,
        str(row.ran),
        str(row.skipped),
        str(row.edges),
        f"{row.seconds:.1f}",
        "yes" if row.expected else "NO",
    )
