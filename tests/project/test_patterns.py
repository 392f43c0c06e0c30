"""A pattern is its module, its test and its entry in `prefect.yaml`, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.project.api import Api
from tests.project.baked import Make, maker

KEPT = "wait_for"


@pytest.fixture(scope="module")
def copy(project: Path, environment: dict[str, str], api: Api) -> Iterator[Path]:
    """Return a copy of the project with an environment of the same packages."""
    folder = project.parent / "copy" / project.name
    left_out = shutil.ignore_patterns(".venv", ".demo", ".prefect", "ansible")
    shutil.copytree(project, folder, ignore=left_out)
    (folder / "ansible").symlink_to(project / "ansible")
    maker(folder, environment)("install")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def make_in(copy: Path, environment: dict[str, str]) -> Make:
    """Return a function that makes a target of the copy."""
    return maker(copy, environment)


def test_a_project_is_in_order_without_patterns_and_with_a_new_flow(
    copy: Path, make_in: Make
) -> None:
    """Delete each pattern but one, add a flow, then delete the last pattern, too."""
    delete(copy, lambda name: name != KEPT)
    added = make_in("flow", NAME="daily_report")
    assert added.returncode == 0, added.stderr
    in_order(make_in)
    delete(copy, lambda name: name == KEPT)
    in_order(make_in)


@pytest.mark.parametrize("name", ["", "Daily", "a-b", "../evil", "class", "daily_report"])
def test_a_name_that_is_none_or_taken_is_refused_and_leaves_nothing(
    copy: Path, make_in: Make, name: str
) -> None:
    before = snapshot(copy)
    refused = make_in("flow", NAME=name)
    assert refused.returncode != 0
    assert refused.stderr.startswith(f"NAME is {name!r}")
    assert snapshot(copy) == before


def delete(project: Path, unwanted: Callable[[str], bool]) -> None:
    """Delete patterns as their owner does."""
    file = project / "prefect.yaml"
    head, *entries = file.read_text(encoding="utf-8").split("  - name: ")
    kept = [entry for entry in entries if not unwanted(_module(entry))]
    for module in {_module(entry) for entry in entries if unwanted(_module(entry))}:
        (project / f"src/shop_reports/flows/{module}.py").unlink()
        (project / f"tests/test_{module}.py").unlink()
    file.write_text("  - name: ".join([head, *kept]), encoding="utf-8")


def _module(entry: str) -> str:
    return entry.partition("entrypoint: ")[2].partition(".py")[0].rpartition("/")[2]


def in_order(make: Make) -> None:
    """Lint, test and deploy."""
    for target in ("lint", "test", "bootstrap", "deploy"):
        done = make(target)
        assert done.returncode == 0, done.stdout + done.stderr


def snapshot(project: Path) -> dict[str, str]:
    """Return the files that a new flow touches."""
    files = [project / "prefect.yaml", *(project / "src").rglob("*.py"), *project.glob("tests/*")]
    return {str(file): file.read_text(encoding="utf-8") for file in files if file.is_file()}
