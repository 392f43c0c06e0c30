"""What the demo shows at its end: a table of the runs, and what ran after what in each."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.tree import Tree

from .graph import Graph, lines
from .runs import Attempt, Run


def show(runs: list[Run]) -> None:
    """Print both."""
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("flow")
    table.add_column("final state")
    for heading in ("tasks run", "skipped", "seconds"):
        table.add_column(heading, justify="right")
    for row in (row for run in runs for row in _rows(run)):
        table.add_row(*row)
    console.print(table)
    console.print("What ran after what (←):\n")
    console.print(Columns([_tree(run) for run in runs], padding=(1, 4)))


def _rows(run: Run) -> Iterator[tuple[str, ...]]:
    first, *again = run.attempts
    yield (run.name, *_cells(first))
    yield from (("  retried", *_cells(attempt)) for attempt in again)


def _cells(attempt: Attempt) -> tuple[str, ...]:
    counts = (str(attempt.ran), str(attempt.skipped))
    return (attempt.state, *counts, f"{attempt.seconds:.1f}")


def _tree(run: Run) -> Tree:
    tree = Tree(f"[bold]{run.name}[/bold]")
    _grow(tree, run.attempts[0].graph)
    return tree


def _grow(tree: Tree, graph: Graph) -> None:
    for line, inside in lines(graph):
        _grow(tree.add(line), inside)
