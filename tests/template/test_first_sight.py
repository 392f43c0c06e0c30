"""An owner who opens a new project finds their own code at once."""

from __future__ import annotations

import json

import pytest
from prefect.workers.process import ProcessWorker

from tests.template.conftest import Bake
from tests.template.options import PACKAGE

MOST_LINES = 500


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
