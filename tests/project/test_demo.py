"""`make demo` of a generated project: shows every pattern, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.baked import Make
from tests.project.demo import ROWS, rows_of
from tests.project.entries import ELSEWHERE, changed
from tests.project.in_place import PROJECT
from tests.project.processes import processes_of, wait_until


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return the home of a user with a Prefect profile that must not be used."""
    profile = tmp_path / "home" / ".prefect" / "profiles.toml"
    profile.parent.mkdir(parents=True)
    profile.write_text(
        'active = "mine"\n[profiles.mine]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n'
    )
    return tmp_path / "home"


def files(folder: Path) -> dict[str, int]:
    """Return all files of a folder, and when they were last written."""
    return {str(f): f.stat().st_mtime_ns for f in folder.rglob("*") if f.is_file()}


def test_it_shows_every_pattern_and_leaves_nothing_behind(
    project: Path, make: Make, home: Path
) -> None:
    """A line for each pattern and for the retry; the user's own Prefect and `.env` play no part.

    What only workers have is left out, in a line each.
    """
    before = files(home)
    database = "sqlite+aiosqlite:////nonexistent/mine.db"
    env_file = project / ".env"
    env_file.write_text(f"PREFECT_SERVER_DATABASE_CONNECTION_URL={database}\n", encoding="utf-8")
    try:
        with changed(project, "deployments:\n", f"deployments:\n{ELSEWHERE}"):
            demo = make("demo", HOME=str(home), PREFECT_API_URL="http://127.0.0.1:9/api")
    finally:
        env_file.unlink()
    assert demo.returncode == 0, demo.stdout + demo.stderr
    rows = rows_of(demo.stdout)
    assert rows == ROWS
    assert "merge ← 3 × fetch_orders" in demo.stdout
    assert "  cloned: left out, as its code is cloned where it runs\n" in demo.stdout
    assert "  heavy: left out, as the demo has no work pool 'others'\n" in demo.stdout
    assert processes_of(project / ".demo") == []
    assert files(home) == before


def test_a_flow_that_fails_again_fails_the_demo(project: Path, make: Make) -> None:
    """Let one flow fail, and take the entries of the others away."""
    flow = project / "src/shop_reports/flows/wait_for.py"
    entries = project / "prefect.yaml"
    before = {file: file.read_text(encoding="utf-8") for file in (flow, entries)}
    head, _, rest = before[entries].partition("deployments:\n")
    only = next(entry for entry in rest.split("  - ") if entry.startswith("name: wait_for"))
    try:
        flow.write_text(before[flow].replace("free_gb: int = 50", "free_gb: int = 5"))
        entries.write_text(f"{head}deployments:\n  - {only}")
        demo = make("demo")
    finally:
        for file, text in before.items():
            file.write_text(text, encoding="utf-8")
    assert demo.returncode != 0
    assert [row[:2] for row in rows_of(demo.stdout)] == [
        ["wait_for", "FAILED"],
        ["retried", "FAILED"],
    ]


@pytest.mark.parametrize(
    "ending", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)]
)
def test_an_interrupt_in_the_middle_cleans_up(
    project: Path, environment: dict[str, str], ending: signal.Signals, tmp_path: Path
) -> None:
    """Interrupted while flows run, it ends with a failure and stops all that it started."""
    log = tmp_path / "demo.log"
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [".venv/bin/python", "-m", "tools.demo"],
            cwd=project,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: "through the worker" in log.read_text(), "flows that run")
        worker_log = project / ".demo" / "worker.log"
        wait_until(lambda: "Flow run" in worker_log.read_text(), "a flow that runs")
        os.kill(demo.pid, ending)
        assert demo.wait(timeout=240) == 128 + ending
        assert processes_of(project / ".demo") == []
    finally:
        demo.kill()


def test_of_two_demos_at_once_the_second_is_refused(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    hold = "from tools.demo.place import alone\nwith alone():\n    print(flush=True)\n    input()"

    def demo() -> str:
        command = [sys.executable, "-m", "tools.demo"]
        ended = subprocess.run(
            command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, check=False
        )
        assert ended.returncode != 0
        return ended.stderr

    with subprocess.Popen(
        [sys.executable, "-c", hold],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as first:
        assert first.stdout
        first.stdout.readline()
        second = demo()
        first.kill()
    assert second == (
        "Another demo of this project is going on: wait for its end, or interrupt it.\n"
    )
    # The lock went with its process.
    assert demo() == "prefect.yaml is missing: run this in the project's folder.\n"
    assert list(tmp_path.iterdir()) == []
