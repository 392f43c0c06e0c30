"""The tests of a generated project find what Prefect passes over in `prefect.yaml`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

DEPLOYMENT = "  - name: wait_for\n"
POOL = "    work_pool: *work_pool\n"
ENTRYPOINT = "src/shop_reports/flows/wait_for.py:wait_for"
NAME = '    name: "shop-reports"\n'
MISTAKES = {
    "unknown job variable": (
        NAME,
        f"{NAME}    job_variables:\n      memory: 1\n",
        "base_job_template.json has no variable ['memory']",
    ),
    "module that is not there": (ENTRYPOINT, "src/nowhere.py:f", "from 'src/nowhere.py:f'"),
    "flow that is not there": (ENTRYPOINT, ENTRYPOINT.replace(":wait", ":weight"), "weight_for"),
    "unknown parameter": (
        DEPLOYMENT,
        f"{DEPLOYMENT}    parameters:\n      free: 5\n",
        "the flow has no parameter ['free']",
    ),
    "missing work pool": (NAME, '    name: "elsewhere"\n', "makes no work pool 'elsewhere'"),
    "reference that resolves to nothing": (
        DEPLOYMENT,
        f'{DEPLOYMENT}    description: "{{{{ release.notes }}}}"\n',
        "nothing gives ['release.notes'] a value",
    ),
    "pull step that no worker can do": ("$PROJECT_DIR", "$PROJECT", "gives ['$PROJECT'] a value"),
    "secret in a job variable": (
        NAME,
        f'{NAME}    job_variables:\n      env: {{A: "{{{{ prefect.blocks.secret.a }}}}"}}\n',
        "['prefect.blocks.secret.a'] in plain text",
    ),
    "misspelt key": (
        DEPLOYMENT,
        f"{DEPLOYMENT}    paramaters:\n      free_gb: 5\n",
        "Prefect knows no ['paramaters']",
    ),
    "flow without a deployment": (
        ENTRYPOINT,
        ENTRYPOINT.replace("wait_for", "fan_out"),
        "wait_for",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake: str, project: Path) -> None:
    """The project's own test fails, with a message that says what is wrong."""
    right, wrong, message = MISTAKES[mistake]
    file = project / "prefect.yaml"
    original = file.read_text(encoding="utf-8")
    assert right in original
    try:
        file.write_text(original.replace(right, wrong), encoding="utf-8")
        tests = subprocess.run(
            [".venv/bin/pytest", "--noconftest", "-q", "tests/test_prefect_yaml.py"],
            cwd=project,
            capture_output=True,
            text=True,
        )
    finally:
        file.write_text(original, encoding="utf-8")
    assert tests.returncode == 1, tests.stdout
    assert message in tests.stdout
