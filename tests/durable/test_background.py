"""Tasks that a task worker executes, outside of any flow."""

import json
import subprocess
import sys
from pathlib import Path

from tests.durable.deployed.pool import ROOT, environment, running


def test_a_task_worker_executes_each_of_two_tasks_of_one_name(tmp_path: Path) -> None:
    with running("tests.durable.background", "serve", folder=tmp_path):
        asked = subprocess.run(
            [sys.executable, "-m", "tests.durable.background"],
            env=environment(tmp_path),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert asked.returncode == 0, asked.stderr + (tmp_path / "log").read_text()
    assert json.loads(asked.stdout) == ["harbour", "mill", 2]
