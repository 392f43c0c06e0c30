"""The watchdog of a server's services, on what Redis and PostgreSQL could tell."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.template.options import TEMPLATE
from tests.template.role_files import loaded

FILES = "../prefect_server/files/watch"


@pytest.fixture
def watchdog(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the program, which looks again at once and takes a second for silence."""
    monkeypatch.syspath_prepend(TEMPLATE / "ansible/roles/prefect_server/files/watch")
    for name, value in {"GRACE": "300", "PATIENCE": "1", "LATE": "300"}.items():
        monkeypatch.setenv(name, value)
    module = loaded(f"{FILES}/watchdog.py")
    monkeypatch.setattr(module, "uptime", lambda: 3600.0)
    monkeypatch.setattr(module, "_started", lambda: 1.0)
    hasty = SimpleNamespace(time=time.time, monotonic=clock(), sleep=lambda seconds: None)
    monkeypatch.setattr(module, "time", hasty)
    monkeypatch.setattr(module, "scheduler", lambda: time.time() + 60)
    monkeypatch.setattr(module, "recorder", lambda: module.Recorder(("1-0", "0", "None"), 0))
    return module


def clock() -> Callable[[], float]:
    """Return what says that half a second has passed, each time that it is asked."""
    ticks: Iterator[int] = iter(range(10**6))
    return lambda: 10_000 + next(ticks) / 2


def status(module: Any) -> int:
    """Return with which status the program ends."""
    try:
        module.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_services_that_move_or_have_nothing_to_do_are_left_alone(
    watchdog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert status(watchdog) == 0
    reads = iter(range(100))
    waits = time.time() - 3600

    def moving() -> Any:
        return watchdog.Recorder((f"{next(reads)}-0", "5", "1-0"), waits)

    monkeypatch.setattr(watchdog, "recorder", moving)
    assert status(watchdog) == 0


def test_a_recorder_that_does_not_move_is_restarted(
    watchdog: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stuck = watchdog.Recorder(("1-0", "5", "1-0"), time.time() - 90)
    monkeypatch.setattr(watchdog, "recorder", lambda: stuck)
    assert status(watchdog) == watchdog.RESTART
    assert "The recorder is 90 seconds behind" in capsys.readouterr().out


def test_a_scheduler_that_is_long_due_is_restarted(
    watchdog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = time.time() - 200
    monkeypatch.setattr(watchdog, "scheduler", lambda: due)
    assert status(watchdog) == 0
    monkeypatch.setattr(watchdog, "scheduler", lambda: due - 200)
    assert status(watchdog) == watchdog.RESTART


@pytest.mark.parametrize("away", ["PostgreSQL", "just started", "services stopped", "restarted"])
def test_silence_for_another_reason_restarts_nothing(
    watchdog: Any, monkeypatch: pytest.MonkeyPatch, away: str
) -> None:
    due = time.time() - 3600
    monkeypatch.setattr(watchdog, "scheduler", lambda: due)
    assert status(watchdog) == watchdog.RESTART
    starts = iter([1.0, 2.0])
    changes: dict[str, dict[str, Any]] = {
        "PostgreSQL": {"uptime": lambda: refuse(watchdog)},
        "just started": {"uptime": lambda: 299.0},
        "services stopped": {"_started": lambda: 0.0},
        "restarted": {"_started": lambda: next(starts)},
    }
    for name, value in changes[away].items():
        monkeypatch.setattr(watchdog, name, value)
    assert status(watchdog) == 0


def test_a_record_that_is_far_behind_is_told_to_the_owner(
    watchdog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = loaded(f"{FILES}/watch.py")
    late = iter([watchdog.Recorder((), time.time() - 60 * minutes) for minutes in (9, 11)])
    monkeypatch.setattr(watch, "recorder", lambda: next(late))
    assert watch._recorded()[0]
    assert not watch._recorded()[0]
    monkeypatch.setattr(watch, "recorder", lambda: refuse(watchdog))
    assert watch._recorded() == (False, "PostgreSQL does not answer.")


def refuse(module: Any) -> float:
    """Say that PostgreSQL is away."""
    raise module.AwayError("PostgreSQL does not answer")


def test_prefect_names_what_is_asked_for_as_the_watchdog_does() -> None:
    behind = (TEMPLATE / "ansible/roles/prefect_server/files/watch/behind.py").read_text()
    spec = importlib.util.find_spec("prefect")
    assert spec
    assert spec.origin
    folder = Path(spec.origin).parent
    recorder = (folder / "server/services/task_run_recorder.py").read_text()
    assert 'STREAM, GROUP = "events", "task-run-recorder"' in behind
    assert '"events",\n            group="task-run-recorder"' in recorder
    assert 'SCHEDULER = "prefect:runs:schedule_deployments"' in behind
    assert 'Docket(\n        name="prefect"' in (folder / "cli/_server_utils.py").read_text()
    assert "def schedule_deployments(" in (folder / "server/services/scheduler.py").read_text()
