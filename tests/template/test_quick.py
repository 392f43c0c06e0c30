"""`make test-quick` runs each test once, unless it is slow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.mark.parametrize("number", [1, 2, 3])
def test_of_numbers(number):
    assert number == 1

@pytest.mark.slow
def test_that_takes_long():
    assert False
"""


def test_of_each_test_the_first_parameters_are_run_and_none_that_is_slow(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n", encoding="utf-8")
    (tmp_path / "test_some.py").write_text(TESTS, encoding="utf-8")
    target = subprocess.run(
        ["make", "--dry-run", "test-quick"], cwd=TOP, capture_output=True, text=True, check=True
    )
    assert " -p tests.quick -m 'not long and not slow' " in target.stdout
    quick = [sys.executable, "-m", "pytest", "-p", "tests.quick", "-m", "not slow"]
    ended = subprocess.run(
        quick,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TOP), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
    )
    assert "1 passed, 3 deselected" in ended.stdout, ended.stdout
