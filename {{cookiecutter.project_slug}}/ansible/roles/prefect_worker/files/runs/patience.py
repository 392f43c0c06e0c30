"""Let a flow run wait for its API, until that takes the credentials, or is there again.

The playbook writes the credentials to a file that only the run's user and root read. What the API
refuses is asked again with what is in the file then, for as long as that takes: what a run has done
is told late, and never taken for not done.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from prefect.client.base import PrefectHttpxAsyncClient, PrefectHttpxSyncClient
from prefect.events.clients import PrefectEventsClient, PrefectEventSubscriber
from prefect.exceptions import PrefectHTTPStatusError

# Seconds between two looks at the file, and between two requests with what was refused before.
LOOK, ASK = 1.0, 30.0
REFUSED = 401
# What Prefect asks again only a few times.
AWAY = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)
WAITED_FOR = (REFUSED, 502, 503)
# What no API on PostgreSQL can store: it says 503, however often it is asked.
UNSTORABLE = rb"\u0000"
# What Prefect says of an event stream that refuses its token.
NO_STREAM = "Unable to authenticate"


def install() -> None:
    """Wrap how Prefect's clients send requests and open event streams."""
    held = _Held(Path(os.environ["RUN_CREDENTIALS"]), os.environ["PREFECT_API_URL"])
    _wrap(PrefectHttpxSyncClient, "send", held, _sync)
    _wrap(PrefectHttpxAsyncClient, "send", held, _async)
    for client in (PrefectEventsClient, PrefectEventSubscriber):
        _wrap(client, "_reconnect", held, _stream)


def _wrap(owner: Any, name: str, held: _Held, wrapper: Callable[..., Any]) -> None:
    setattr(owner, name, wrapper(held, getattr(owner, name)))


class _Held:
    """The header that the worker's API takes, as it was and as it is."""

    def __init__(self, path: Path, url: str) -> None:
        """Begin with what is in the file and in the environment of the run."""
        self._path = path
        self._url = _normal(url)
        self._known = {self.now(), _of_the_environment(), ""}

    def now(self) -> str:
        """Return the value of the header `Authorization`; none if the API asks for none."""
        try:
            return self._path.read_text().strip()
        except OSError:
            return ""

    def renew(self, headers: Any, url: str) -> bool:
        """Put the present value in place of an older one; False for another API's."""
        is_known = headers.get("Authorization", "") in self._known
        # Not `https://api.example.com.evil.org` for `https://api.example.com`.
        if not is_known or not f"{_normal(url)}/".startswith(f"{self._url}/"):
            return False
        if value := self.now():
            self._known.add(value)
            headers["Authorization"] = value
        return True

    def pauses(self, reason: str, headers: Any) -> Iterator[float]:
        """Yield how long to sleep, until another request is worth while."""
        print(f"Waits for the API ({reason}).", file=sys.stderr, flush=True)
        until = time.monotonic() + ASK
        while self.now() in ("", headers.get("Authorization")) and time.monotonic() < until:
            yield LOOK


def _normal(url: str) -> str:
    """Return a URL as requests have it, without a default port for example."""
    return str(httpx.URL(url)).rstrip("/")


def _of_the_environment() -> str:
    if key := os.environ.get("PREFECT_API_KEY"):
        return f"Bearer {key}"
    return _basic(os.environ.get("PREFECT_API_AUTH_STRING", ""))


def _basic(auth: str) -> str:
    return f"Basic {base64.b64encode(auth.encode()).decode()}" if auth else ""


def _reason(error: Exception) -> str:
    """Return why another request may have another answer, or nothing."""
    if isinstance(error, PrefectHTTPStatusError):
        status = error.response.status_code
        waits = status in WAITED_FOR and UNSTORABLE not in error.request.content
        return f"it answers {status}" if waits else ""
    return type(error).__name__


def _sync(held: _Held, send: Callable[..., Any]) -> Callable[..., Any]:
    def patient(client: Any, request: Any, *args: Any, **options: Any) -> Any:
        while True:
            ours = held.renew(request.headers, str(request.url))
            try:
                return send(client, request, *args, **options)
            except (PrefectHTTPStatusError, *AWAY) as error:
                reason = _reason(error)
                if not ours or not reason:
                    raise
            for seconds in held.pauses(reason, request.headers):
                time.sleep(seconds)

    return patient


def _async(held: _Held, send: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def patient(client: Any, request: Any, *args: Any, **options: Any) -> Any:
        while True:
            ours = held.renew(request.headers, str(request.url))
            try:
                return await send(client, request, *args, **options)
            except (PrefectHTTPStatusError, *AWAY) as error:
                reason = _reason(error)
                if not ours or not reason:
                    raise
            for seconds in held.pauses(reason, request.headers):
                await asyncio.sleep(seconds)

    return patient


def _stream(held: _Held, connect: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def patient(client: Any) -> Any:
        while True:
            headers = {"Authorization": _token_header(client)}
            ours = held.renew(headers, client._api_url)
            if ours and headers["Authorization"]:
                _use(client, headers["Authorization"])
            try:
                return await connect(client)
            except Exception as error:
                if not ours or not _is_refused_stream(error):
                    raise
            for seconds in held.pauses("its stream refuses the token", headers):
                await asyncio.sleep(seconds)

    return patient


def _token_header(client: Any) -> str:
    if key := getattr(client, "_api_key", None):
        return f"Bearer {key}"
    return _basic(client._auth_token or "")


def _use(client: Any, header: str) -> None:
    """Let the stream send this header, and after it is open the token that is in it."""
    kind, _, value = header.partition(" ")
    if kind == "Basic":
        client._auth_token = base64.b64decode(value).decode()
    elif hasattr(client, "_api_key"):
        client._api_key = value
    if given := client._connect.additional_headers:
        given["Authorization"] = header


def _is_refused_stream(error: Exception) -> bool:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status == REFUSED or str(error).startswith(NO_STREAM)
