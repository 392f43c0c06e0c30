"""Results in Azure's storage, as Azurite emulates it, with keys that it checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.results.lab.azurite import OTHER_KEY, Azurite
from tests.results.lab.programs import Programs
from tests.results.lab.project import BUILD, Api, Project


@pytest.fixture(scope="module")
def azurite(programs: Programs) -> Azurite:
    """Start the emulator."""
    return Azurite(programs, BUILD / "azurite")


@pytest.fixture(scope="module")
def project(url: str, azurite: Azurite, programs: Programs) -> Project:
    """Bake a project with results in Azure, and bring it to the server."""
    project = Project("azure", BUILD / "azure", url, programs, azurite.settings())
    done = project.bootstrap()
    assert done.returncode == 0, done.stderr
    project.deploy()
    return project


def test_a_retry_on_another_machine_finds_its_results(
    project: Project, azurite: Azurite, api: Api
) -> None:
    first = project.worker("first")
    run = api.start("mapped/mapped", project, name="mapped", fails="count_shelf:3")
    assert api.ended(run)["state_type"] == "FAILED"
    project.programs.stop(first)
    Path(f"{project.counted / 'mapped'}.mended").touch()
    second = project.worker("second")
    api.retry(run)
    assert api.ended(run, attempt=2)["state_type"] == "COMPLETED", api.log(run)
    assert project.executions("mapped").total() == 1 + 5 + 1
    assert len(azurite.kept()) >= 6
    assert project.left_behind() == []

    wrong = azurite.settings(OTHER_KEY)["AZURE_STORAGE_CONNECTION_STRING"]
    assert project.bootstrap(AZURE_STORAGE_CONNECTION_STRING=wrong).returncode == 0
    refused = api.start("mapped/mapped", project, name="refused")
    ended = api.ended(refused)
    assert ended["state_type"] == "FAILED"
    assert "StorageError" in ended["state"]["message"]
    assert "AuthorizationFailure" in ended["state"]["message"]
    assert project.executions("refused") == {}
    project.programs.stop(second)
