"""`make demo` runs every pattern in containers, or says in a sentence why it cannot."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from tests.docker.lab.engine import Engine
from tests.project.baked import Make
from tests.project.demo import ROWS, rows_of
from tests.project.processes import processes_of

ADDED = ["demand", "COMPLETED", "0", "0"]
"""What the demo shows of a flow that is no pattern."""


def test_without_an_engine_it_says_so_and_makes_nothing(project: Path, make: Make) -> None:
    """One sentence names what is missing and what to do."""
    demo = make("demo", DOCKER_HOST="unix:///nonexistent/docker.sock")
    assert demo.returncode != 0
    assert demo.stdout == ""
    sentence, of_make = demo.stderr.splitlines()
    assert "no Docker engine answers" in sentence
    assert "unix:///nonexistent/docker.sock" in sentence
    assert of_make.startswith("make")
    assert not (project / ".demo").exists()


def test_it_shows_every_pattern_and_leaves_nothing_behind(
    project: Path, make: Make, engine: Engine
) -> None:
    """Each run and the retry has a container of its own, and none is left, nor their volume."""
    started = str(int(time.time()))
    demo = make("demo", PREFECT_API_URL="http://127.0.0.1:9/api")
    ended = str(int(time.time()) + 1)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert rows_of(demo.stdout) == [*ROWS, ADDED]
    deaths = ["--filter=event=die", "--filter=label=io.prefect.flow-run-id"]
    spans = [f"--since={started}", f"--until={ended}"]
    run_id = '--format={{index .Actor.Attributes "io.prefect.flow-run-id"}}'
    attempts = Counter(engine.docker("events", *spans, *deaths, run_id).split())
    # A run of each pattern, the three children of fleet, the flow that was added, and the retry.
    assert sorted(attempts.values()) == [1] * 10 + [2]
    assert engine.containers("--all") == []
    assert engine.docker("volume", "ls", "--quiet") == ""
    assert processes_of(project / ".demo") == []
