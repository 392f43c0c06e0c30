"""As much of the engine's API as is needed to reconcile containers, with nothing but Python."""

from __future__ import annotations

import http.client
import json
import os
import socket
from typing import Any
from urllib.parse import urlencode

import bounded
import identifiers


class AwayError(Exception):
    """The engine does not answer."""


class RefusedError(Exception):
    """The engine answers, but not this: a container may be gone, for example."""


class _Connection(http.client.HTTPConnection):
    """To a socket that is a file."""

    def connect(self) -> None:
        """Connect to where DOCKER_HOST says."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))


def containers() -> list[dict[str, Any]]:
    """Return all there are, oldest first, whether they run or have ended."""
    found: list[dict[str, Any]] = _ask("GET", "/containers/json", all="true")
    named = [each for each in found if identifiers.is_containers(each["Id"])]
    if len(named) < len(found):
        print(f"{len(found) - len(named)} containers have no id of an engine's: left alone")
    return sorted(named, key=lambda container: float(container["Created"]))


def inspect(container: str) -> dict[str, Any]:
    """Return everything about one."""
    found: dict[str, Any] = _ask("GET", f"/containers/{container}/json")
    return found


def stop(container: str, seconds: int = 30) -> None:
    """End one, by force after so many seconds; what cannot be stopped now is stopped next time."""
    try:
        _ask("POST", f"/containers/{container}/stop", most=seconds + 15, t=str(seconds))
    except (AwayError, RefusedError) as error:
        print(f"{container} is not stopped: {error}")


def remove(container: str) -> None:
    """Remove one that has ended, and the volumes that nobody named."""
    try:
        _ask("DELETE", f"/containers/{container}", v="true")
    except (AwayError, RefusedError) as error:
        print(f"{container} is not removed: {error}")


def prune_images() -> None:
    """Remove images without a name that no container has."""
    _ask("POST", "/images/prune", filters=json.dumps({"dangling": ["true"]}))


def _ask(method: str, path: str, most: float = 60, **query: str) -> Any:
    try:
        connection = _Connection("engine", timeout=most)
        connection.request(method, f"/v1.41{path}?{urlencode(query)}")
        answer = connection.getresponse()
        text = bounded.answer(answer)
        if answer.status < 400:
            return json.loads(text) if text else None
    except (OSError, ValueError, RecursionError, http.client.HTTPException) as error:
        raise AwayError(f"the engine does not answer: {error}") from error
    raise RefusedError(f"the engine answers {answer.status} to {path}: {text[:200]!r}")
