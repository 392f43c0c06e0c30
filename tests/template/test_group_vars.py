"""The examples among the variables of all machines work once their comment signs are removed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.template.conftest import Bake
from tests.template.trees import run

EXAMPLE = re.compile(
    r"^# ?(?=prefect_(worker|server)_\w+:|  ?[A-Z_]+: |    \{\{|  - )", re.MULTILINE
)
SECRETS = {
    "local": "DATABASE_URL",
    "s3": "AWS_SECRET_ACCESS_KEY",
    "azure": "AZURE_STORAGE_CONNECTION_STRING",
}


def uncommented(project: Path, group: str = "prefect_workers") -> dict[str, Any]:
    """Return the variables where an owner removed the comment signs of all examples."""
    text = (project / f"inventory/group_vars/{group}.yml").read_text("utf-8")
    variables: dict[str, Any] = yaml.safe_load(EXAMPLE.sub("", text))
    return variables


@pytest.mark.parametrize("storage", [*SECRETS, "gcs"])
@pytest.mark.parametrize("pool", ["process", "docker"])
def test_the_example_environment_needs_no_more_than_its_comment_signs_removed(
    bake: Bake, pool: str, storage: str
) -> None:
    variables = uncommented(bake(work_pool_type=pool, result_storage=storage))
    assert variables["prefect_worker_environment"]
    assert variables["prefect_worker_limit"] == 10


@pytest.mark.parametrize("role", ["prefect_worker", "prefect_server"])
def test_every_example_is_of_a_variable_of_the_role(bake: Bake, role: str) -> None:
    project = bake()
    group = {"prefect_worker": "prefect_workers"}.get(role, role)
    defaults = (project / f"ansible/roles/{role}/defaults/main.yml").read_text("utf-8")
    assert uncommented(project, group).keys() <= yaml.safe_load(defaults).keys()
    # What is not uncommented says nothing of its own.
    assert len(uncommented(project, group)) > 5


@pytest.mark.parametrize("storage", SECRETS)
def test_ansible_names_the_variable_of_an_example_that_is_not_set(
    bake: Bake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    name = SECRETS[storage]
    value = uncommented(bake(result_storage=storage))["prefect_worker_environment"][name]
    monkeypatch.delenv(name, raising=False)
    assert f"The environment variable '{name}' is not set." in shown(value, tmp_path)
    monkeypatch.setenv(name, "a-secret")
    assert "a-secret" in shown(value, tmp_path)


def shown(value: str, folder: Path) -> str:
    """Return what Ansible prints when it shows a value."""
    (folder / "variables.yml").write_text(json.dumps({"shown": value}), encoding="utf-8")
    ansible = Path(sys.executable).with_name("ansible")
    command: list[str | Path] = [
        ansible,
        "localhost",
        "-m",
        "ansible.builtin.debug",
        "-a",
        "msg={{ shown }}",
    ]
    environment = {"ANSIBLE_HOME": str(folder / "ansible"), "ANSIBLE_LOCALHOST_WARNING": "false"}
    done = run(*command, "-e", "@variables.yml", cwd=folder, env=environment, check=False)
    return done.stdout + done.stderr
