"""Nothing that a test has started outlives its run, even a run that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leftovers import processes
from tests.project.processes import wait_until

pytestmark = pytest.mark.slow

TOP = Path(__file__).parents[2]
CONFTEST = """
import pytest
from tests import leftovers

def pytest_configure(config: pytest.Config) -> None:
    leftovers.end_with(config)
"""
TEST = """
import os, subprocess, time
from pathlib import Path

def test_that_starts_a_server():
    subprocess.Popen(["sleep", "7777"], start_new_session=True)
    Path(__file__).with_name("run").write_text(os.environ["TEST_RUN"])
    time.sleep(7777)
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_test_has_started_ends_with_its_run(tmp_path: Path, ending: signal.Signals) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_one.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", str(tmp_path), f"--rootdir={tmp_path}"]
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL) as run:
        wait_until((tmp_path / "run").exists, "the test")
        name = (tmp_path / "run").read_text()
        assert len(processes(name)) == 1
        run.send_signal(ending)
    wait_until(lambda: not processes(name), "the end of what the test has started")
