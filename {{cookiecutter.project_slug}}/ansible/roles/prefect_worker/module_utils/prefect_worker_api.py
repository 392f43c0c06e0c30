"""Prefect's API with nothing but Python, and errors that say what to do."""

from __future__ import annotations

import base64
import datetime
import email.utils
import http.client
import json
import re
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from typing import Any

ARGUMENTS: dict[str, dict[str, Any]] = {
    "api_url": {"type": "str", "required": True},
    "api_key": {"type": "str", "default": "", "no_log": True},
    "auth_string": {"type": "str", "default": "", "no_log": True},
    "ca": {"type": "str", "default": ""},
    "proxies": {"type": "dict", "default": {}, "no_log": True},
}


# Two classes before Python 3.10.
TIMEOUTS = (TimeoutError, socket.timeout)
# What a URL may lead to besides a failing connection: no HTTP, or no host or port that could be.
NO_ANSWER = (OSError, http.client.HTTPException, ValueError, OverflowError)
# More bytes than any answer has; a network without TLS may send without end.
LARGEST = 16 << 20
CSRF_CLIENT, CSRF_TOKEN = "Prefect-Csrf-Client", "Prefect-Csrf-Token"
CERTIFICATES = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.S)


NOT_AN_API = (
    "answers, but not as Prefect's API does: prefect_worker_api_url ends in /api, "
    "for Prefect Cloud in /workspaces/<id>."
)
LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1")
ITSELF = "{} is the machine itself: set PREFECT_API_URL to an address that it reaches."


class ApiError(Exception):
    """What went wrong, in one sentence; `status` is the HTTP status if there was one."""

    def __init__(self, sentence: str, status: int = 0, passing: bool = False) -> None:
        """Keep the status beside the sentence, and whether trying again may help."""
        super().__init__(sentence)
        self.status = status
        self.passing = passing


class Api:
    """One Prefect API as seen from this machine."""

    def __init__(self, params: dict[str, Any], patience: float = 4) -> None:
        """Take the module's parameters named in ARGUMENTS; busy servers get `patience` seconds."""
        self.url = str(params["api_url"]).rstrip("/")
        self.server_ahead = 0.0
        self._patience = patience
        self._headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if authorization := _authorization(params["api_key"], params["auth_string"]):
            self._headers["Authorization"] = authorization
        context = _context(params["ca"])
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler(_proxies(self.url, params["proxies"])),
            urllib.request.HTTPSHandler(context=context),
        )

    def get(self, path: str) -> Any:
        """What is at the path."""
        return self.request("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer to a body sent to the path."""
        return self.request("POST", path, body)

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The decoded answer, or an ApiError."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return self._request(method, path, body)
            except ApiError as error:
                if not error.passing or time.monotonic() > deadline:
                    raise
            time.sleep(1)

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, self._headers, method=method)
        try:
            with self._opener.open(request, timeout=15) as answer:
                self._note_clock(answer.headers.get("Date"))
                text = answer.read(LARGEST)
        except urllib.error.HTTPError as error:
            detail = _told(error)
            if error.code == 403 and "CSRF token" in detail and method != "GET":
                return self._request_with_token(method, path, body)
            passing = error.code in (429, 502, 503, 504)
            raise ApiError(self._refusal(path, error.code, detail), error.code, passing) from error
        except NO_ANSWER as error:
            passing = isinstance(getattr(error, "reason", error), (ConnectionError, *TIMEOUTS))
            raise ApiError(self._unreachable(error), passing=passing) from error
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            raise ApiError(f"{self.url} {NOT_AN_API}") from error

    def _request_with_token(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        """Ask again as a server wants it that protects itself from requests of other sites."""
        if CSRF_CLIENT in self._headers:
            raise ApiError(f"The API at {self.url} does not accept the token that it gave.", 403)
        client = str(uuid.uuid4())
        token = self._request("GET", f"/csrf-token?client={client}", None)["token"]
        headers = dict(self._headers)
        self._headers.update({CSRF_CLIENT: client, CSRF_TOKEN: token})
        try:
            return self._request(method, path, body)
        finally:
            # It expires, and whoever asks once more does so seldom.
            self._headers = headers

    def _note_clock(self, date: str | None) -> None:
        if date:
            there = email.utils.parsedate_to_datetime(date)
            here = datetime.datetime.now(datetime.timezone.utc)
            self.server_ahead = (there - here).total_seconds()

    def _refusal(self, path: str, code: int, detail: str) -> str:
        if code in (401, 403):
            return (
                f"The API at {self.url} refuses the credentials ({code}): check "
                "prefect_worker_api_key (Prefect Cloud) or prefect_worker_auth_string (own server)."
            )
        if code == 404 and path == "/health":
            return f"{self.url} {NOT_AN_API}"
        return f"{self.url}{path} answers {code}: {detail}"

    def _unreachable(self, error: Exception) -> str:
        reason = getattr(error, "reason", error)
        host = urllib.parse.urlsplit(self.url).hostname
        if isinstance(reason, socket.gaierror):
            return f"This machine finds no address for {host}: check prefect_worker_api_url."
        if isinstance(reason, ssl.SSLCertVerificationError):
            return (
                f"This machine does not trust the certificate of {host} ({reason.verify_message}): "
                "name the file with its authority in prefect_worker_ca_bundle."
            )
        if isinstance(reason, TIMEOUTS):
            return f"The API at {self.url} does not answer this machine: is a firewall between?"
        if isinstance(reason, http.client.BadStatusLine) and not isinstance(reason, OSError):
            return f"What answers at {self.url} speaks no HTTP: check prefect_worker_api_url."
        said = f"This machine does not reach the API at {self.url} ({reason}): does it run there?"
        return f"{said} {ITSELF.format(host)}" if LOOPBACK.fullmatch(host or "") else said


def quoted(name: str) -> str:
    """The name as one part of a path."""
    return urllib.parse.quote(name, safe="")


def _told(error: urllib.error.HTTPError) -> str:
    """Return the beginning of what is beside a status, as far as it arrives."""
    try:
        return error.read(300).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        return ""


def _context(ca: str) -> ssl.SSLContext:
    """Trusts whom `ca` names, or else the machine; words around certificates do not matter."""
    try:
        return ssl.create_default_context(cadata="\n".join(CERTIFICATES.findall(ca)) or ca or None)
    except (ssl.SSLError, TypeError) as error:
        raise ApiError(
            f"This machine cannot read the certificates of prefect_worker_ca_bundle ({error}): "
            "is the file damaged?"
        ) from error


def _authorization(key: str, auth: str) -> str:
    if key:
        return f"Bearer {key}"
    return f"Basic {base64.b64encode(auth.encode()).decode()}" if auth else ""


def _proxies(url: str, proxies: dict[str, str]) -> dict[str, str]:
    """The proxies to use for this URL: none where `no` names its host."""
    host = urllib.parse.urlsplit(url).hostname or ""
    exempt = [entry.strip().lstrip(".") for entry in proxies.get("no", "").split(",")]
    if any(e == "*" or host == e or (e and host.endswith(f".{e}")) for e in exempt):
        return {}
    return {scheme: proxies[scheme] for scheme in ("http", "https") if proxies.get(scheme)}
