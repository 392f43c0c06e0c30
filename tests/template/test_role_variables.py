"""A role checks its variables wherever it was copied to and is played from."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.template.options import TEMPLATE
from tests.template.trees import run

ROLES = TEMPLATE / "ansible" / "roles"
# The tasks that check, and a value that the role's own rules refuse.
WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "prefect_worker": (
        "preflight",
        {"api_url": "http://server:4200/api", "memory_max": "10M"},
        "prefect_worker_memory_max is '10M', which is not accepted: at least 256M",
    ),
    "prefect_server": (
        "variables",
        {"address": "server", "port": 80},
        "prefect_server_port is 80, which is not accepted: a port below 1024",
    ),
}


def played(folder: Path, role: str) -> str:
    """Return what Ansible says of the wrong value in a copy of the role and what it requires."""
    for name in sorted({"prefect_worker", role}):
        shutil.copytree(ROLES / name, folder / "there/roles" / name)
    tasks, given, _ = WRONG[role]
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {f"{role}_{name}": value for name, value in {**given, "project_dir": "/"}.items()},
        "tasks": [{"ansible.builtin.import_role": {"name": role, "tasks_from": tasks}}],
    }
    (folder / "there/play.yml").write_text(json.dumps([play]), encoding="utf-8")
    (folder / "here").mkdir()
    environment = {"ANSIBLE_HOME": str(folder / "ansible"), "ANSIBLE_LOCALHOST_WARNING": "false"}
    command = Path(sys.executable).with_name("ansible-playbook")
    here = folder / "here"
    return run(command, "../there/play.yml", cwd=here, env=environment, check=False).stdout


@pytest.mark.parametrize("role", WRONG)
def test_a_wrong_value_gets_its_sentence(tmp_path: Path, role: str) -> None:
    assert WRONG[role][2] in played(tmp_path, role)
