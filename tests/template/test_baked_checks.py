"""A generated project passes its own lint and tests, whatever was chosen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.project.baked import MYPY_CACHE
from tests.pythons import newest_python
from tests.template.conftest import Bake
from tests.template.options import Options
from tests.template.trees import run

CLUSTERS = Path(__file__).with_name("clusters")
LONGEST_SLUG = "-".join(["quarter"] * 8)
NAMES = {
    "project_name": 'Квартал “四半期” "3" it\'s \\',
    "description": "One\ntwo: {three}\\",
    "author": 'A "B" C, D',
    "work_pool_name": "пул 1",
    "project_slug": LONGEST_SLUG,
}
# Every storage, pool, API and CI; one project of machines and one of a cluster with trying names.
# A docker pool with a server of one's own is what tests/docker runs.
COVERING = [
    (Options("self-hosted", "local", "process", "github", "none"), {}),
    (Options("self-hosted", "gcs", "kubernetes", "github", "MIT"), NAMES),
    (Options("cloud", "s3", "docker", "none", "MIT"), {}),
    (Options("cloud", "azure", "process", "none", "Apache-2.0"), NAMES),
    (Options("cloud", "s3", "ecs", "none", "Apache-2.0"), {}),
]
# A minute and a half each; those that come first have most of what these have.
LONG = COVERING[2:]
EACH = [
    pytest.param(*each, id=str(each[0]), marks=[pytest.mark.long] if each in LONG else [])
    for each in COVERING
]


@pytest.mark.slow
@pytest.mark.parametrize(("options", "names"), EACH)
def test_it_passes_its_own_checks(
    bake: Bake, tmp_path: Path, options: Options, names: dict[str, str]
) -> None:
    project = bake(**options.answers, **names)
    # What no owner would change is tested here alone, by the tools of the project.
    ours = CLUSTERS / f"{options.work_pool_type}.py.in"
    if ours.exists():
        shutil.copy(ours, project / "tests/test_cluster.py")
    environment = {"PREFECT_HOME": str(tmp_path / "prefect"), "MYPY_CACHE_DIR": str(MYPY_CACHE)}
    python = (options == COVERING[0][0] and newest_python()) or "python3"
    run("make", "lint", "test", f"PYTHON={python}", cwd=project, env=environment)
    venv = project / ".venv"
    run(venv / "bin" / "uv", "pip", "check", "--python", venv, cwd=project)
