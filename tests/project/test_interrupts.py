"""Ctrl-C ends a tool with one line, and the tool by that signal: 130 in a shell."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.in_place import PROJECT
from tests.project.processes import PATIENCE

TOOLS = ("run", "bootstrap", "deploy")


def heeding() -> None:
    """Have the interrupt heeded, also where whoever runs the tests ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("tool", TOOLS)
def test_an_interrupt_while_prefect_is_imported_is_one_line(tool: str, tmp_path: Path) -> None:
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect/__init__.py").write_text("raise KeyboardInterrupt\n")
    ended = subprocess.run(
        [sys.executable, "-m", f"tools.{tool}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stderr, ended.returncode) == ("Interrupted.\n", -signal.SIGINT)


@pytest.mark.parametrize("tool", TOOLS)
def test_an_interrupt_while_the_api_is_asked_is_one_line(
    tool: str, project: Path, environment: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as api:
        api.settimeout(PATIENCE)
        url = f"http://127.0.0.1:{api.getsockname()[1]}/api"
        with subprocess.Popen(
            [".venv/bin/python", "-m", f"tools.{tool}"],
            cwd=project,
            env={**environment, "PREFECT_API_URL": url, "FLOW": "passing_data"},
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heeding,
        ) as program:
            asked, _ = api.accept()
            program.send_signal(signal.SIGINT)
            _, said = program.communicate(timeout=PATIENCE)
            asked.close()
    assert (said, program.returncode) == ("Interrupted.\n", -signal.SIGINT)
