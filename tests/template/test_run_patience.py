"""A flow run waits for its API, and not for what that can never store."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest
from prefect.client.base import PrefectHttpxAsyncClient, PrefectHttpxSyncClient
from prefect.events.clients import PrefectEventsClient, PrefectEventSubscriber
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from tests.template.role_files import loaded

API = "http://api.example/api"
WRAPPED = (
    (PrefectHttpxSyncClient, "send"),
    (PrefectHttpxAsyncClient, "send"),
    (PrefectEventsClient, "_reconnect"),
    (PrefectEventSubscriber, "_reconnect"),
)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have clients of this process as those of a run; they look at once what has become of it."""
    monkeypatch.setenv("RUN_CREDENTIALS", "/dev/null")
    monkeypatch.setenv("PREFECT_API_URL", API)
    for owner, name in WRAPPED:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    module = loaded("files/runs/patience.py")
    monkeypatch.setattr(module, "LOOK", 0.01)
    monkeypatch.setattr(module, "ASK", 0.05)
    module.install()


def asked(message: str, answers: list[int]) -> int:
    """Return the last status of an API that answers these in turn, and then the last for ever."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(answers.pop(0) if len(answers) > 1 else answers[0], json={})

    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
        PrefectHttpxSyncClient(transport=httpx.MockTransport(answer)) as client,
    ):
        try:
            return int(client.post(f"{API}/set_state", json={"message": message}).status_code)
        except PrefectHTTPStatusError as error:
            return error.response.status_code


def test_a_request_is_sent_again_until_the_api_is_there() -> None:
    assert asked("done", [503, 502, 503, 200]) == 200


def test_what_no_database_stores_is_not_sent_for_ever() -> None:
    """PostgreSQL has no NUL, and the API then says that it is not there."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(asked("a\0b", [503])), daemon=True)
    thread.start()
    thread.join(20)
    assert found == [503]
