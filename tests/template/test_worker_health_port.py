"""The health endpoint of a worker, which every user of its machine may connect to."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from tests.template.role_files import loaded


async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Say yes to everything."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"yes"})


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Install the bound, until the test is over."""
    monkeypatch.setattr(uvicorn.Config, "__init__", uvicorn.Config.__init__)
    found = loaded("files/health_port.py")
    found.install()
    return found


@pytest.fixture
def port(module: Any) -> Iterator[int]:
    """Serve as Prefect's worker does, in a thread."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    config = uvicorn.Config(
        answer, host="127.0.0.1", port=number, log_level="error", loop="asyncio", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield number
    server.should_exit = server.force_exit = True
    thread.join(10)


def health(port: int) -> bytes:
    """Return the answer to somebody who asks now."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answered:
        return bytes(answered.read())


def is_open(connection: socket.socket) -> bool:
    """Return whether the server has not ended it."""
    connection.setblocking(False)
    try:
        return bool(connection.recv(1))
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


def test_connections_that_only_wait_make_room_for_others(module: Any, port: int) -> None:
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(4 * module.MOST)]
    assert health(port) == b"yes"
    still = [is_open(connection) for connection in idle]
    assert 0 < sum(still) < module.MOST
    assert not any(still[: 3 * module.MOST])
    for connection in idle:
        connection.close()
    assert health(port) == b"yes"
