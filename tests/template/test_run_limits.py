"""What a failed state says of the limits that a run has met."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.template.role_files import loaded

OPEN = resource.getrlimit(resource.RLIMIT_NOFILE)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module, in a control group of its own that enforces nothing."""
    module = loaded("files/runs/room.py")
    (tmp_path / "group").write_text("0::/run\n")
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(module, "GROUPS", tmp_path)
    monkeypatch.setattr(module, "GROUP", tmp_path / "group")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    return module


def said(room: ModuleType, error: BaseException) -> str:
    """Return what is added to an error's words."""
    return str(room._complete(lambda _: "words")(error)).removeprefix("words")


def of_a_program(script: str) -> BaseException:
    """Return the error of a program that fails."""
    with pytest.raises(subprocess.CalledProcessError) as raised:
        subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    return raised.value


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, os.strerror(28)),
        RuntimeError("exit 2: sort: write failed: No space left on device"),
        of_a_program("echo 'gzip: stdout: No space left on device' >&2; exit 1"),
    ],
)
def test_a_full_disk_is_told_with_its_size(room: ModuleType, error: BaseException) -> None:
    assert "/tmp: " in said(room, error)
    assert " MiB free" in said(room, error)


def test_a_disk_that_a_program_filled_is_told_though_it_printed_elsewhere(
    room: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = subprocess.CalledProcessError(1, ["cp"])
    assert said(room, error) == ""
    full = os.statvfs_result((4096, 4096, 2048, 0, 0, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    assert "8 MiB" in said(room, error)


@pytest.mark.parametrize(
    "error",
    [OSError(24, os.strerror(24)), of_a_program("echo 'tar: x: Too many open files'; exit 2")],
)
def test_too_many_open_files_are_told(room: ModuleType, error: BaseException) -> None:
    limits = f"{OPEN[0]} open files in a process, up to {OPEN[1]} by ulimit -n"
    assert said(room, error) == f" ({limits})"


def test_refused_processes_are_told_whatever_the_error(room: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "run/pids.max").write_text("64\n")
    events = tmp_path / "run/pids.events"
    events.write_text("max 0\n")
    assert said(room, ValueError("x")) == ""
    events.write_text("max 7\n")
    assert said(room, ValueError("x")) == " (64 processes and threads, refused 7 times)"
