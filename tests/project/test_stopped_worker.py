"""`make worker` ends with all that its worker started, and says so of every run."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import State
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry, Completed, Pending, Running

from tests.project.in_place import tool
from tests.project.processes import wait_until

RUN = uuid4()
# Is in no run itself; starts one when it is asked to end, and ends with it.
WORKER = f"""
import os, signal, subprocess, sys
from pathlib import Path

def end(*_):
    environment = {{"PREFECT__FLOW_RUN_ID": "{RUN}"}}
    subprocess.run([sys.executable, "-c", "import time; time.sleep(1)"], env=environment)
    sys.exit()

assert "PREFECT__FLOW_RUN_ID" not in os.environ
signal.signal(signal.SIGTERM, end)
Path("ready").touch()
signal.pause()
"""


@pytest.mark.usefixtures("handlers")
def test_a_run_that_starts_while_the_worker_ends_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, told = tool("worker"), set[UUID]()
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect/__init__.py").touch()
    (tmp_path / "prefect/__main__.py").write_text(WORKER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", str(uuid4()))
    monkeypatch.setattr(worker, "_tell", told.update)

    def interrupt() -> None:
        wait_until((tmp_path / "ready").exists, "the worker", seconds=60)
        os.kill(os.getpid(), signal.SIGINT)

    interrupting = Thread(target=interrupt)
    interrupting.start()
    assert worker._work(SimpleNamespace(pool="shop", pool_type="process")) == 0
    interrupting.join()
    assert told == {RUN}


class Client:
    """An API with the runs that it is given."""

    def __init__(self, states: dict[UUID, State[Any]]) -> None:
        """Have runs in these states."""
        self.states = states

    def read_flow_run(self, run: UUID) -> SimpleNamespace:
        """Return a run."""
        if run not in self.states:
            raise ObjectNotFound(Exception())
        return SimpleNamespace(id=run, name="some-run", state=self.states[run])

    def set_flow_run_state(self, run: UUID, state: State[Any], force: bool) -> None:
        """Set a state."""
        self.states[run] = state


def test_each_run_that_was_under_way_is_crashed(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["gone", "pending", "running", "ended", "to run again"]
    runs = {name: UUID(int=number) for number, name in enumerate(names)}
    states: list[State[Any]] = [Pending(), Running(), Completed(), AwaitingRetry()]
    client = Client(dict(zip(list(runs.values())[1:], states, strict=True)))

    @contextmanager
    def api() -> Iterator[Client]:
        yield client

    worker = tool("worker")
    monkeypatch.setattr(worker, "api", api)
    worker._tell(set(runs.values()))
    found = [state.name for state in client.states.values()]
    assert found == ["Crashed", "Crashed", "Completed", "AwaitingRetry"]
