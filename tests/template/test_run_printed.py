"""What a failed state says of what a program printed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import prefect.states
import pytest

from tests.template.options import TEMPLATE
from tests.template.prefect_uses import ROLE
from tests.template.role_files import loaded

# A run's own start, then a failure whose words no API can store as they are.
STORED = """
import asyncio, runpy, subprocess, sys
runpy.run_path(sys.argv[1])
import prefect.states
error = subprocess.CalledProcessError(1, "x", stderr="a\\0b\\udcff")
print(ascii(asyncio.run(prefect.states.exception_to_failed_state(error)).message))
"""


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have states of this process as those of a run."""
    module = loaded("files/runs/printed.py")
    monkeypatch.setattr(prefect.states, "format_exception", prefect.states.format_exception)
    module.install()


def said(script: str, *, captured: bool = True, text: bool = False) -> str:
    """Return what the state says of a script that fails, or does not end."""
    try:
        subprocess.run(
            script, shell=True, check=True, capture_output=captured, text=text, timeout=2
        )
    except subprocess.SubprocessError as error:
        state = asyncio.run(prefect.states.exception_to_failed_state(error))
        return str(state.message)
    raise AssertionError(script)


@pytest.mark.parametrize("text", [False, True])
def test_what_it_wrote_as_an_error_is_told(text: bool) -> None:
    told = said("echo done; echo 'no such model' >&2; exit 2", text=text)
    assert told.endswith("returned non-zero exit status 2. It printed: no such model")


def test_its_output_is_told_where_it_wrote_no_error() -> None:
    assert said("echo 'no such model'; exit 2").endswith("status 2. It printed: no such model")


def test_the_end_of_much_is_told() -> None:
    told = said("seq 100000; exit 1").partition("It printed: ")[2]
    assert len(told) == 1000
    assert told.endswith("\n100000")


def test_it_is_told_of_one_that_takes_too_long() -> None:
    assert said("echo 'waiting for a lock'; sleep 9").endswith("It printed: waiting for a lock")


def test_nothing_is_told_where_nothing_was_captured() -> None:
    assert said("exit 3", captured=False).endswith("returned non-zero exit status 3.")


def test_what_no_api_can_store_is_escaped(tmp_path: Path) -> None:
    given = {"RUN_CREDENTIALS": "x", "PREFECT_API_URL": "http://127.0.0.1:1/api"}
    environment = {**os.environ, **given, "PREFECT_HOME": str(tmp_path)}
    start = TEMPLATE / ROLE / "files/runs/run_engine.py"
    command = [sys.executable, "-c", STORED, str(start)]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert r"It printed: a\\x00b\\udcff" in told.stdout


def test_what_the_playbook_has_of_secrets_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUN_SECRETS", "PREFECT_API_AUTH_STRING WAREHOUSE SIGNING_KEY MISSING MODE")
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:s3cret-of-the-api")
    monkeypatch.setenv("WAREHOUSE", "s3cret of a warehouse")
    monkeypatch.setenv("SIGNING_KEY", "-----BEGIN-----\ns3cretline\n-----END-----\n")
    monkeypatch.setenv("MODE", "fast")
    script = 'set -x; true "$WAREHOUSE" $SIGNING_KEY ${PREFECT_API_AUTH_STRING#*:} $MODE; exit 2'
    told = said(script).partition("It printed: ")[2]
    assert "s3cret" not in told
    assert told.count("***") >= 3
    assert "fast" in told


def test_an_error_without_its_words_is_told_as_it_is() -> None:
    class WordlessError(subprocess.CalledProcessError):
        def __init__(self) -> None:
            """Say nothing to the class above."""

        def __str__(self) -> str:
            return "it failed"

    state = asyncio.run(prefect.states.exception_to_failed_state(WordlessError()))
    assert str(state.message).endswith("it failed")


@pytest.mark.parametrize("script", ["kill -SYS $$", "sh -c 'kill -SYS $$'; exit $?"])
def test_it_is_told_of_one_that_the_sandbox_has_killed(script: str) -> None:
    told = said(script)
    assert told.endswith("It called what the sandbox forbids; see prefect_worker_unit_overrides.")
