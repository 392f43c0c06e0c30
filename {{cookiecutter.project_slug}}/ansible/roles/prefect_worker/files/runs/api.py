"""As much of Prefect's API as is needed to say what became of a run, with nothing but Python."""

from __future__ import annotations

import base64
import datetime
import email.utils
import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
import uuid
from typing import Any

import bounded
import identifiers

_dates: list[str] = []


class UnansweredError(Exception):
    """The API did not answer, or not to us; it may later."""


class TokenError(Exception):
    """The API takes no change without a token against requests of other sites."""


class UnknownRunError(Exception):
    """The API does not have it."""


def get(path: str) -> Any:
    """What is at the path."""
    return _ask(urllib.request.Request(_url(path), headers=_headers()))


def run(identifier: str) -> dict[str, Any]:
    """Return what the API says of a flow run."""
    found: dict[str, Any] = get(f"/flow_runs/{identifiers.checked(identifier)}")
    return found


def post(path: str, body: dict[str, Any]) -> Any:
    """The answer to a body sent to the path."""
    data = json.dumps(body).encode()
    try:
        return _ask(urllib.request.Request(_url(path), data, _headers()))
    except TokenError:
        headers = {**_headers(), **_token()}
    try:
        return _ask(urllib.request.Request(_url(path), data, headers))
    except TokenError as error:
        raise UnansweredError(str(error)) from error


def _token() -> dict[str, str]:
    """Return the headers of a client that the API has just come to know."""
    client = str(uuid.uuid4())
    token = str(get(f"/csrf-token?client={client}")["token"])
    return {"Prefect-Csrf-Client": client, "Prefect-Csrf-Token": token}


def now() -> datetime.datetime:
    """This moment by the clock that the API's answers have, whatever this machine's says."""
    if not _dates:
        get("/health")
    return email.utils.parsedate_to_datetime(_dates[-1])


def set_state(
    run: str,
    kind: str,
    name: str,
    message: str,
    details: dict[str, Any] | None = None,
    force: bool = False,
) -> str:
    """Propose a state; ACCEPT, REJECT or ABORT."""
    state = {"type": kind, "name": name, "message": message, "state_details": details or {}}
    body = {"state": state, "force": force}
    return str(post(f"/flow_runs/{identifiers.checked(run)}/set_state", body)["status"])


def _url(path: str) -> str:
    return os.environ["PREFECT_API_URL"].rstrip("/") + path


def _headers() -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("PREFECT_API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    elif auth := os.environ.get("PREFECT_API_AUTH_STRING"):
        headers["Authorization"] = f"Basic {base64.b64encode(auth.encode()).decode()}"
    return headers


def _ask(request: urllib.request.Request) -> Any:
    try:
        with urllib.request.urlopen(request, timeout=10, context=_context()) as answer:
            _dates[:] = [answer.headers["Date"]]
            text = bounded.answer(answer)
            return json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        told = _told(error)
        if error.code == 403 and b"CSRF token" in told:
            raise TokenError(f"{request.full_url} takes no token") from error
        if error.code == 404 and _is_prefects(told):
            raise UnknownRunError(f"{request.full_url} is not there") from error
        raise UnansweredError(f"{request.full_url} answers {error.code}") from error
    except (OSError, ValueError, RecursionError, http.client.HTTPException) as error:
        raise UnansweredError(f"{request.full_url}: {error}") from error


def _context() -> ssl.SSLContext:
    """Trust the authorities of the API, or else whom the machine trusts."""
    return ssl.create_default_context(cafile=os.environ.get("PREFECT_API_SSL_CERT_FILE"))


def _told(error: urllib.error.HTTPError) -> bytes:
    """Return what is beside a status, as far as it arrives."""
    try:
        return error.read(bounded.ANSWER)
    except (OSError, http.client.HTTPException):
        return b""


def _is_prefects(answer: bytes) -> bool:
    """Whether it is the API that does not have something, rather than a proxy that has no API."""
    try:
        told = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("detail") != "Not Found"
