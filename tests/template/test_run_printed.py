"""What a failed state says of what a program printed."""

from __future__ import annotations

import asyncio
import subprocess

import prefect.states
import pytest

from tests.template.role_files import loaded


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
