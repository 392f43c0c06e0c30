"""An owner who opens a new project finds their own code at once."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path

import pytest
from prefect.utilities.schema_tools import validate
from prefect.workers.process import ProcessWorker

from tests.template.conftest import Bake
from tests.template.options import PACKAGE, SLUG, TEMPLATE
from tests.template.trees import run

MOST_LINES = 500
LIMITS = ["2G", "2GB", "1.5G", "512M", "512Mi", "50%", "150%", "200", "0"]
LIMITS += ["90min", "90m", "1h30min", "6h", "infinity", "a lot", ""]


@pytest.mark.parametrize("pool", ["process", "docker", "kubernetes", "ecs"])
def test_what_is_the_owners_is_short(bake: Bake, pool: str) -> None:
    project = bake(work_pool_type=pool, result_storage="s3")
    files = [*project.glob(f"src/{PACKAGE}/**/*.py"), *project.glob("tests/**/*.py")]
    assert sum(len(file.read_text("utf-8").splitlines()) for file in files) < MOST_LINES


def test_the_package_has_flows_alone(bake: Bake) -> None:
    package = bake() / "src" / PACKAGE
    assert {path.name for path in package.iterdir()} == {"__init__.py", "flows"}


def test_the_job_template_of_processes_configures_what_the_worker_knows(bake: Bake) -> None:
    template = json.loads((bake() / "infrastructure/base_job_template.json").read_text("utf-8"))
    known = ProcessWorker.get_default_base_job_template()
    assert template["job_configuration"].keys() == known["job_configuration"].keys()


def test_the_pool_takes_of_limits_what_a_machine_takes(
    bake: Bake, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = bake()
    template = json.loads((project / "infrastructure/base_job_template.json").read_text("utf-8"))
    monkeypatch.syspath_prepend(project / "ansible/roles/prefect_worker/files/runs")
    for name, (_, accepted) in importlib.import_module("start").SETTINGS.items():
        choices = template["variables"]["properties"][name]["anyOf"]
        for value in [*LIMITS, *map(int, filter(str.isdecimal, LIMITS))]:
            taken = not validate({name: value}, template["variables"])
            number = choices[0]["type"] == "integer"
            right = isinstance(value, int) == number and re.fullmatch(accepted, str(value))
            assert taken == bool(right), f"{name}: {value!r}"


@pytest.mark.parametrize(("above", "first"), [("", "git init && "), (".git", "")])
def test_the_end_of_generation_says_what_comes_next(tmp_path: Path, above: str, first: str) -> None:
    folder = tmp_path / "team"
    folder.mkdir()
    (tmp_path / above).mkdir(exist_ok=True)
    cookiecutter = Path(sys.executable).with_name("cookiecutter")
    said = run(cookiecutter, "--no-input", TEMPLATE, cwd=folder).stdout
    assert said.splitlines()[-1] == f"Made {SLUG}. Next: cd {SLUG} && {first}make demo"
