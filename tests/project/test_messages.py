"""What the tools print names no password and no token."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
from prefect.blocks.core import Block
from prefect.filesystems import LocalFileSystem
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import Field, SecretStr, ValidationError

from tests.project.in_place import PROJECT, tool

CLOSED = "127.0.0.1:9/api"
URL = f"http://someone:se/c@ret@{CLOSED}"


def test_an_api_that_does_not_answer_is_named_without_its_password() -> None:
    shown = tool("errors").without_password(f"at {URL}: refused")
    assert shown == f"at http://***@{CLOSED}: refused"


def test_a_server_that_cannot_be_here_is_named_without_its_password() -> None:
    with temporary_settings({PREFECT_API_URL: "http://someone:secret@example.com/api"}):
        said = tool("server").main()
    assert said.startswith("PREFECT_API_URL is 'http://***@example.com/api': ")


def test_an_api_that_refuses_the_credentials_is_named_without_its_password() -> None:
    request = httpx.Request("GET", f"http://{CLOSED}")
    refusal = httpx.HTTPStatusError("", request=request, response=httpx.Response(401))
    with (
        temporary_settings({PREFECT_API_URL: "http://someone:secret@example.com/api"}),
        pytest.raises(tool("errors").ToolError) as said,
        tool("api").api(),
    ):
        raise refusal
    expected = "The Prefect API at http://***@example.com/api refuses the credentials."
    assert str(said.value) == expected


TOOLS = ("server", "bootstrap", "deploy", "worker", "run")
NO_ADDRESSES = (
    "http://someone:secret@127.0.0.1:abc/api",
    "http://127.0.0.1:99999/api",
    "http://[::1",
)


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_is_no_address_is_one_sentence(name: str, url: str) -> None:
    command = [sys.executable, "-m", f"tools.{name}"]
    environment = {**os.environ, "PREFECT_API_URL": url}
    ended = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert ended.stderr.startswith("PREFECT_API_URL is 'http://")
    assert ended.stderr.count("\n") == 1
    assert "secret" not in ended.stderr


class _Secrets(tool("storage").ResultSettings):  # type: ignore[misc]
    block_class: ClassVar[type[Block]] = LocalFileSystem
    url: str | None = Field(default=None, description="the URL of the account", pattern="^https")
    key: SecretStr | None = None


WRONG = [
    ("key: 77177", "KEY is <hidden>: Input should be a valid string."),
    ("url: 'http://a/b?sig=77177'", "URL is <hidden>, which is not the URL of the account: "),
    ("url: 'http://a:77177@b'", "URL is <hidden>, which is not the URL of the account: "),
    ("url: 'http://a/b'", "URL is 'http://a/b', which is not the URL of the account: "),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_a_wrong_setting_is_named_without_its_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: str
) -> None:
    (tmp_path / "infrastructure").mkdir()
    (tmp_path / "infrastructure/result_storage.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValidationError) as invalid:
        _Secrets()
    said = tool("storage")._sentence(_Secrets, invalid.value)
    assert said.startswith(expected)
    assert "77177" not in said
