"""What `make test-quick` runs: each test once, with the first of its parameters, unless it is slow.

A test that took long is named at the end, to be marked `slow`.
"""

from __future__ import annotations

import pytest

LIMIT = 6.0
"""Seconds that a test may take, on a machine that does nothing else."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the further parameters of each test."""
    first: dict[str, pytest.Item] = {}
    for item in items:
        first.setdefault(item.nodeid.partition("[")[0], item)
    kept = list(first.values())
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that make the loop long."""
    calls = [r for r in terminalreporter.getreports("passed") if r.when == "call"]
    for report in calls:
        if report.duration > LIMIT:
            terminalreporter.write_line(f"{report.nodeid}: {report.duration:.0f} s, is it slow?")
