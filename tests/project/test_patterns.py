"""A pattern is its module, its test and its entry in `prefect.yaml`, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.api import Api
from tests.project.baked import Make, bake, maker

# As many write their flows.
WITHOUT_TYPES = """from prefect_durable import flow, task


@task
def count(number):
    return {"of": number}


@flow
def loose():
    return count(1)["of"] + count(2)["of"]
"""


@pytest.fixture(scope="module")
def copy(environment: dict[str, str], api: Api, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project of its own that is installed, as other tests change theirs."""
    made = bake(tmp_path_factory.mktemp("patterns"))
    maker(made, environment)("install")
    return made


@pytest.fixture(scope="module")
def make_in(copy: Path, environment: dict[str, str]) -> Make:
    """Return a function that makes a target of the copy."""
    return maker(copy, environment)


def test_a_project_is_in_order_without_any_flow(copy: Path, make_in: Make, api: Api) -> None:
    for target in ("bootstrap", "deploy"):
        assert make_in(target).returncode == 0
    delete_patterns(copy)
    for target in ("lint", "test"):
        done = make_in(target)
        assert done.returncode == 0, done.stdout + done.stderr
    named = make_in("deploy")
    first, *others = named.stdout.splitlines()
    assert first == "prefect.yaml lists no deployments: nothing is registered."
    assert len([line for line in others if "prefect.yaml has it no longer" in line]) == 8
    removed = make_in("deploy", PRUNE="1")
    assert (named.returncode, removed.returncode) == (0, 0), removed.stderr
    pool = {"work_pools": {"name": {"any_": ["shop-reports"]}}}
    assert api.request("POST", "/deployments/filter", pool) == []
    shown = make_in("demo")
    assert shown.returncode != 0
    assert "prefect.yaml lists no deployments: there is nothing to show.\n" in shown.stderr


def test_a_project_is_in_order_with_flows_of_its_own_in_place_of_all_patterns(
    copy: Path, make_in: Make
) -> None:
    # Two of them are called as a module of Python's, and as the project.
    for name in ("daily_report", "secrets", "shop_reports"):
        added = make_in("flow", NAME=name)
        assert added.returncode == 0, added.stderr
    for target in ("lint", "test", "bootstrap", "deploy"):
        done = make_in(target)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_flow_without_types_is_in_order(copy: Path, make_in: Make) -> None:
    loose = copy / "src/shop_reports/flows/loose.py"
    loose.write_text(WITHOUT_TYPES, encoding="utf-8")
    linted = make_in("lint")
    loose.unlink()
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("name", ["", "Daily", "../evil", "class", "len", "daily_report"])
def test_a_name_that_is_none_or_taken_is_refused_and_leaves_nothing(
    copy: Path, make_in: Make, name: str
) -> None:
    before = snapshot(copy)
    refused = make_in("flow", NAME=name)
    assert refused.returncode != 0
    assert refused.stderr.startswith(f"NAME is {name!r}")
    assert snapshot(copy) == before


def delete_patterns(project: Path) -> None:
    """Delete all patterns as their owner does: module, test and entries of each."""
    file = project / "prefect.yaml"
    head, *entries = file.read_text(encoding="utf-8").split("  - name: ")
    for module in {re.findall(r"\.flows\.(\w+)\.", entry)[0] for entry in entries}:
        (project / f"src/shop_reports/flows/{module}.py").unlink()
        (project / f"tests/test_{module}.py").unlink()
    file.write_text(head, encoding="utf-8")


def snapshot(project: Path) -> dict[str, str]:
    """Return the files that a new flow touches."""
    files = [project / "prefect.yaml", *(project / "src").rglob("*.py"), *project.glob("tests/*")]
    return {str(file): file.read_text(encoding="utf-8") for file in files if file.is_file()}
