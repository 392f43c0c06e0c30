"""Results in emulators of Azure's storage and of Google's, with keys that are checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.results.lab.azurite import OTHER_KEY, Azurite
from tests.results.lab.gcs import Gcs
from tests.results.lab.programs import Programs
from tests.results.lab.project import PLACE, Api, Project


def ready(storage: str, url: str, programs: Programs, settings: dict[str, str]) -> Project:
    """Bake a project with results in a storage, and bring it to the server."""
    project = Project(storage, PLACE / storage, url, programs, settings)
    done = project.bootstrap()
    assert done.returncode == 0, done.stderr
    project.deploy()
    return project


@pytest.fixture
def azurite(programs: Programs) -> Azurite:
    """Start Azure's emulator."""
    return Azurite(programs, PLACE / "azurite")


@pytest.fixture
def gcs(programs: Programs) -> Gcs:
    """Start Google's."""
    return Gcs(programs, PLACE / "gcs-server")


def test_azure(url: str, programs: Programs, azurite: Azurite, api: Api) -> None:
    project = ready("azure", url, programs, azurite.settings())
    retried_elsewhere(project, api)
    assert len(azurite.kept()) >= 6

    wrong = azurite.settings(OTHER_KEY)["AZURE_STORAGE_CONNECTION_STRING"]
    assert project.bootstrap(AZURE_STORAGE_CONNECTION_STRING=wrong).returncode == 0
    refused(project, api, "AuthorizationFailure")


def test_gcs(url: str, programs: Programs, gcs: Gcs, api: Api) -> None:
    project = ready("gcs", url, programs, gcs.settings())
    retried_elsewhere(project, api)
    assert len(gcs.kept()) >= 6
    refused(project, api, "Invalid signature", **gcs.settings(gcs.other_key))


def retried_elsewhere(project: Project, api: Api) -> None:
    """Run into a failure on one machine, and have another one find what the first had kept."""
    first = project.worker("first")
    run = api.start("mapped/mapped", project, name="mapped", fails="count_shelf:3")
    assert api.ended(run)["state_type"] == "FAILED"
    project.programs.stop(first)
    Path(f"{project.counted / 'mapped'}.mended").touch()
    second = project.worker("second")
    api.retry(run)
    assert api.ended(run, attempt=2)["state_type"] == "COMPLETED", api.log(run)
    project.programs.stop(second)
    assert project.executions("mapped").total() == 1 + 5 + 1
    assert project.left_behind() == []


def refused(project: Project, api: Api, reason: str, **machine: str) -> None:
    """Run with a key that is not accepted."""
    worker = project.worker("third", **machine)
    run = api.start("mapped/mapped", project, name="refused")
    ended = api.ended(run)
    assert ended["state_type"] == "FAILED"
    assert "StorageError" in ended["state"]["message"]
    assert reason in ended["state"]["message"]
    assert project.executions("refused") == {}
    project.programs.stop(worker)
