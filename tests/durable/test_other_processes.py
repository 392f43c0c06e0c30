"""Tasks that are executed by another process than that of their flow."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_LOCAL_STORAGE_PATH
from prefect.task_runners import ProcessPoolTaskRunner
from prefect_durable import flow, task
from prefect_durable.testing import retry

BACKGROUND = """
from prefect_durable import task


def make(shop):
    @task
    def load():
        return shop

    return load


tasks = [make("harbour"), make("mill")]
"""
ENDS_WITHIN = 120.0
"""Seconds within which a task worker has started and executed a task, on a busy machine."""


@task
def count(done: str) -> None:
    """Note an execution in a file."""
    with Path(done).open("a") as file:
        file.write("count\n")


def test_tasks_of_a_process_pool_run_again_and_the_first_attempt_says_so(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    done = tmp_path / "done"

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def nightly(done: str) -> None:
        count.submit(done).result()
        if len(Path(done).read_text().split()) == 1:
            raise ValueError("once")

    failed = nightly(str(done), return_state=True)
    said = capfd.readouterr().err
    assert "A retry repeats count: it runs outside of its flow's process." in said
    assert retry(nightly, failed).is_completed()
    assert done.read_text().split() == ["count", "count"]


@pytest.fixture
def background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Serve two tasks of one name from another process, and return their module."""
    (tmp_path / "background.py").write_text(BACKGROUND)
    monkeypatch.syspath_prepend(tmp_path)
    served = "import background, prefect.task_worker; prefect.task_worker.serve(*background.tasks)"
    process = subprocess.Popen(
        [sys.executable, "-c", served],
        env=os.environ
        | {
            "PREFECT_API_URL": PREFECT_API_URL.value(),
            "PREFECT_LOCAL_STORAGE_PATH": str(PREFECT_LOCAL_STORAGE_PATH.value()),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
    )
    yield import_module("background")
    sys.modules.pop("background")
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)


def test_a_task_worker_executes_each_of_two_tasks_of_one_name(background: Any) -> None:
    futures = [load.delay() for load in background.tasks]
    found = [future.result(timeout=ENDS_WITHIN) for future in futures]
    assert found == ["harbour", "mill"]
