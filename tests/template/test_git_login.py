"""Clones of a run's own `git_clone` step: nobody else of a machine reads their credentials."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from prefect.deployments.steps.pull import git_clone
from prefect.runner import storage as its

from tests.hosts.control import git
from tests.template.role_files import loaded

storage: Any = its
TEXT: Any = {"capture_output": True, "text": True}
WAYS: dict[str, dict[str, Any]] = {
    "name and token": {"credentials": {"username": "git", "access_token": git.TOKEN}},
    "token": {"access_token": git.TOKEN},
    "url": {},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Serve the repositories to whoever has the token; their URL and authority."""
    folder = tmp_path_factory.mktemp("served")
    git.make_repository(folder)
    with git.served(folder, "127.0.0.1") as reached:
        yield reached


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Install the module, as a run does, until the test is over."""
    monkeypatch.setattr(storage, "run_process", storage.run_process)
    monkeypatch.setattr(storage.GitRepository, "pull_code", storage.GitRepository.pull_code)
    module = loaded("files/runs/git_login.py")
    module.install()
    return module


@pytest.fixture
def traced(served: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, and have git write down each process that it is or starts."""
    (trace := tmp_path / "trace").mkdir()
    (work := tmp_path / "work").mkdir()
    monkeypatch.chdir(work)
    for name, value in {
        "GIT_TRACE2_EVENT": str(trace),
        "GIT_TRACE2_REDACT": "0",
        "GIT_SSL_CAINFO": str(served[1]),
        "GIT_TERMINAL_PROMPT": "0",
        # What the environment has of settings counts as before.
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "clone.defaultRemoteName",
        "GIT_CONFIG_VALUE_0": "origin",
    }.items():
        monkeypatch.setenv(name, value)
    return trace


def commands(trace: Path) -> list[str]:
    """Return the command lines of all processes of git."""
    events = [json.loads(line) for file in trace.iterdir() for line in file.open()]
    return [" ".join(event["argv"]) for event in events if "argv" in event]


def clone(url: str, **wish: Any) -> Path:
    """Clone by Prefect's step, as a flow run does."""
    done: Any = git_clone(url, **wish)
    return Path(done["directory"]).resolve()


def assert_untold(trace: Path, folder: Path) -> None:
    """Find the token in no command line, and in no file."""
    seen = commands(trace)
    assert any("remote-https" in command for command in seen)
    assert [command for command in seen if git.TOKEN in command] == []
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if git.TOKEN.encode() in path.read_bytes()] == []


@pytest.mark.usefixtures("login")
@pytest.mark.parametrize("way", WAYS)
def test_a_clone_tells_its_token_to_nobody(
    served: tuple[str, Path], traced: Path, way: str
) -> None:
    url = f"{served[0]}/flows.git"
    if way == "url":
        url = url.replace("://", f"://git:{git.TOKEN}@")
    wish = {**WAYS[way], "branch": git.BRANCH, "include_submodules": True}
    folder = clone(url, **wish)
    assert (folder / "library/deep.py").read_text() == "NUMBER = 7\n"
    # Once more, into the clone that is there.
    assert clone(url, **wish) == folder
    assert_untold(traced, folder)


@pytest.mark.usefixtures("login")
def test_a_commit_and_a_folder_are_fetched_with_the_token(
    served: tuple[str, Path], traced: Path
) -> None:
    bare = served[1].parent / "library.git"
    commit = subprocess.run(["git", "-C", bare, "rev-parse", "HEAD"], **TEXT).stdout.strip()
    wish = {"commit_sha": commit, "directories": ["some"], **WAYS["token"]}
    folder = clone(f"{served[0]}/library.git", **wish)
    assert (folder / "deep.py").exists()
    assert_untold(traced, folder)


@pytest.mark.usefixtures("login")
def test_a_refused_clone_hides_its_token(served: tuple[str, Path], traced: Path) -> None:
    with pytest.raises(RuntimeError, match="Failed to clone repository") as raised:
        clone(f"{served[0]}/missing.git", **WAYS["token"])
    assert git.TOKEN not in str(raised.getrepr())
    assert [command for command in commands(traced) if git.TOKEN in command] == []


@pytest.mark.parametrize("other", ["https://example.com:8443", "http://example.com"])
def test_another_host_gets_no_credentials(login: ModuleType, other: str) -> None:
    held = login._Login("https://example.com", f"git:{git.TOKEN}")
    environment = held.environment({**os.environ, "GIT_TERMINAL_PROMPT": "0"})
    fill = ["git", "credential", "fill"]
    answers = [
        subprocess.run(fill, input=f"url={url}/x.git\n", env=environment, **TEXT).stdout
        for url in ("https://example.com", other)
    ]
    assert [f"password={git.TOKEN}" in answer for answer in answers] == [True, False]


def test_a_prefect_that_starts_git_otherwise_is_left_as_it_is(
    login: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(storage, "run_process")
    pull = storage.GitRepository.pull_code
    login.install()
    assert storage.GitRepository.pull_code is pull
    assert "Clones have their token in command lines" in capsys.readouterr().err
