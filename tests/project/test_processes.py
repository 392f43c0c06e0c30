"""Programs end with all they started, whatever that is; their flow runs are known."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from tests.project.in_place import tool
from tests.project.processes import wait_until

# Starts a child with more in its environment, and waits.
PARENT = """
import os, signal, subprocess, sys
{before}
environment = os.environ | {environment!r}
child = subprocess.Popen([sys.executable, "-c", {child!r}], env=environment, stdout=1)
signal.pause()
"""
CHILD = """
import signal, time
{before}
print("ready", flush=True)
time.sleep(600)
"""
IGNORE = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
BYTES_AS_NAME = """
import ctypes
ctypes.CDLL(None).prctl(15, b"\\xff) \\xe9", 0, 0, 0)
"""
RUN = "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool("processes"), "PATIENCE", 0.5)


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Have the programs of a test end with it."""
    programs: list[subprocess.Popen[bytes]] = []
    yield programs
    for program in programs:
        tool("processes").stop(program)
        assert program.stdout
        program.stdout.close()


def family(
    started: list[subprocess.Popen[bytes]],
    before: str = "",
    child: str = "",
    environment: dict[str, str] | None = None,
) -> tuple[subprocess.Popen[bytes], set[int]]:
    """Start a program that has a child, and return it and both of them."""
    code = PARENT.format(
        before=before, child=CHILD.format(before=child), environment=environment or {}
    )
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    started.append(program)
    assert program.stdout
    assert program.stdout.readline() == b"ready\n"
    found: set[int] = tool("processes").with_children({program.pid}, program)
    assert len(found) == 2
    return program, found


def alive(processes: set[int]) -> set[int]:
    return processes & set(tool("processes")._parents())


@pytest.mark.parametrize("name", ["", BYTES_AS_NAME], ids=["plain", "bytes"])
def test_a_child_that_ignores_its_end_and_outlives_its_parent_is_killed(
    started: list[subprocess.Popen[bytes]], name: str
) -> None:
    program, both = family(started, child=name + IGNORE)
    tool("processes").stop(program)
    assert not alive(both)


def test_what_cannot_be_killed_is_named_and_left(
    started: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program, both = family(started, child=IGNORE)
    child = (both - {program.pid}).pop()

    def refuse(process: int, number: int) -> None:
        raise PermissionError(process, number)

    with monkeypatch.context() as patch:
        patch.setattr(tool("processes").os, "kill", refuse)
        tool("processes").stop(program)
    assert alive(both) >= {child}
    assert capsys.readouterr().err.startswith("These processes do not end: [")
    tool("processes")._kill(child)
    wait_until(lambda: not alive({child}), "the end of the child")


def test_the_runs_are_known_until_the_last_look(
    started: list[subprocess.Popen[bytes]],
) -> None:
    processes = tool("processes")
    program, _ = family(started, child=IGNORE, environment={processes.FLOW_RUN: RUN})
    looks = [processes.flow_runs_of(look) for look in processes.stopping(program)]
    assert looks[0] == looks[1] == {UUID(RUN)}


@pytest.mark.parametrize("value", ["", "-" * 36, f"{RUN}0", RUN[:-1]])
def test_a_variable_that_names_no_run_is_none(
    started: list[subprocess.Popen[bytes]], value: str
) -> None:
    processes = tool("processes")
    _, both = family(started, environment={processes.FLOW_RUN: value})
    assert processes.flow_runs_of(both) == set()


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_the_demo_it_stops_what_it_started(
    ending: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = tool("demo.services")
    monkeypatch.setattr(services, "FOLDER", tmp_path)
    programs = []

    def demo() -> None:
        with services.Services() as started:
            programs.append(started.start("server", "http.server", "--bind", "127.0.0.1", "0"))
            os.kill(os.getpid(), ending)
            time.sleep(60)

    with pytest.raises(SystemExit) as ended:
        demo()
    assert ended.value.code == 128 + ending
    assert programs[0].poll() is not None
