"""As much of the engine's API as is needed to look after containers, with nothing but Python."""

from __future__ import annotations

import http.client
import json
import os
import socket
from typing import Any
from urllib.parse import urlencode


class AwayError(Exception):
    """The engine does not answer, or not as it should."""


class _Connection(http.client.HTTPConnection):
    """To a socket that is a file."""

    def connect(self) -> None:
        """Connect to where DOCKER_HOST says."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))


def containers(label: str) -> list[dict[str, Any]]:
    """All that have the label, oldest first, whether they run or have ended."""
    found: list[dict[str, Any]] = _ask("GET", "/containers/json", all="true", label=[label])
    return sorted(found, key=lambda container: float(container["Created"]))


def inspect(container: str) -> dict[str, Any]:
    """Everything about one."""
    found: dict[str, Any] = _ask("GET", f"/containers/{container}/json")
    return found


def stop(container: str, seconds: int = 30) -> None:
    """End it, by force after so many seconds."""
    _ask("POST", f"/containers/{container}/stop", most=seconds + 15, t=str(seconds))


def prune(label: str, hours: int) -> None:
    """Remove containers with the label that ended, if they are older, and images without a name."""
    _ask("POST", "/containers/prune", label=[label], until=[f"{hours}h"])
    _ask("POST", "/images/prune", dangling=["true"])


def _ask(method: str, path: str, most: float = 60, **wish: str | list[str]) -> Any:
    filters = {name: value for name, value in wish.items() if isinstance(value, list)}
    query = {name: value for name, value in wish.items() if isinstance(value, str)}
    if filters:
        query["filters"] = json.dumps(filters)
    try:
        connection = _Connection("engine", timeout=most)
        connection.request(method, f"/v1.41{path}?{urlencode(query)}")
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise AwayError(f"the engine does not answer: {error}") from error
    if answer.status >= 400:
        raise AwayError(f"the engine answers {answer.status} to {path}: {text[:200]!r}")
    return json.loads(text) if text else None
