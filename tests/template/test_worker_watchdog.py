"""Whom the watchdog of a worker takes for the worker."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.template.role_files import loaded

ANSWER = "HTTP/1.1 {} x\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def watchdog(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return the program, which does not wait, at an API that answers."""
    module: Any = loaded("files/watchdog.py")
    monkeypatch.setattr(module, "PATIENCE", -1)
    monkeypatch.setattr(module, "PATIENCE_AFTER_ABSENCE", -1)
    monkeypatch.setattr(module, "_active_seconds", lambda _: 1e6)
    with socket.socket() as api:
        api.bind(("127.0.0.1", 0))
        answer(api, "200")
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{api.getsockname()[1]}/api")
        yield module


@pytest.fixture(params=["127.0.0.1", "::"])
def listener(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return who listens at the worker's port, on a socket of IPv6 for both, too."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as listening:
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind((request.param, 0))
        monkeypatch.setenv("PREFECT_WORKER_WEBSERVER_PORT", str(listening.getsockname()[1]))
        yield listening


def status(watchdog: Any, answered: Path) -> int:
    """Return the program's exit status."""
    try:
        watchdog.main("unit", answered)
    except SystemExit as left:
        return int(str(left.code))
    return 0


def answer(listening: socket.socket, line: str) -> None:
    """Answer every connection, until the socket is closed."""

    def serve() -> None:
        held = []
        while True:
            try:
                held.append(listening.accept()[0])
                if line:
                    held[-1].recv(1000)
                    held[-1].sendall(ANSWER.format(line).encode())
                else:
                    held.pop().close()
            except OSError:
                return

    listening.listen()
    threading.Thread(target=serve, daemon=True).start()


@pytest.mark.parametrize(("line", "left"), [("200", 0), ("503", 75)])
def test_the_workers_own_answer_counts(
    watchdog: Any, listener: socket.socket, tmp_path: Path, line: str, left: int
) -> None:
    answer(listener, line)
    assert status(watchdog, tmp_path / "answered") == left
    assert (tmp_path / "answered").exists() == (line == "200")


def test_a_worker_that_accepts_nothing_is_restarted(
    watchdog: Any, listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "SECONDS", 0.2)
    listener.listen()
    assert status(watchdog, tmp_path / "answered") == 75


def test_a_worker_that_does_not_listen_is_restarted(
    watchdog: Any, listener: socket.socket, tmp_path: Path
) -> None:
    assert status(watchdog, tmp_path / "answered") == 75


@pytest.mark.parametrize("line", ["200", "503", "", "nobody accepts"])
def test_another_users_answer_has_no_worker_restarted(
    watchdog: Any,
    listener: socket.socket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
) -> None:
    user = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    if line == "nobody accepts":
        listener.listen()
    else:
        answer(listener, line)
    assert status(watchdog, tmp_path / "answered") == 0
    assert "another user's" in capsys.readouterr().out
    assert not (tmp_path / "answered").exists()


def test_another_user_who_comes_between_two_looks_has_no_worker_restarted(
    watchdog: Any, listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    monkeypatch.setattr(watchdog, "PATIENCE", 0.5)
    monkeypatch.setattr(watchdog, "PAUSE", 0.6)
    come = threading.Timer(0.3, answer, (listener, "503"))
    come.start()
    assert status(watchdog, tmp_path / "answered") == 0
