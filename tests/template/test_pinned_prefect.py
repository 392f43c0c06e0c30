"""The role knows which Prefect a machine will have, also where the pins differ by Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.template.options import TEMPLATE
from tests.template.trees import run

ROLE = TEMPLATE / "ansible" / "roles" / "prefect_worker"
REQUIREMENTS = """\
prefect==3.8.8 ; python_full_version < '3.11.4' \\
    --hash=sha256:00
prefect==3.9.1 ; python_full_version >= '3.11.4' and sys_platform == 'linux' --hash=sha256:11
"""
HOSTS = [
    {"python_version": "3.11.2", "architecture": "x86_64"},
    {"python_version": "3.13.0", "architecture": "aarch64"},
]
PLAY = [
    {
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [
            {
                "prefect_worker_project": {
                    "directory": "{{ playbook_dir }}",
                    "pool": "shop",
                    "type": "process",
                    "requirements": "requirements.txt",
                },
                "register": "plan",
            },
            {
                "ansible.builtin.debug": {
                    "msg": "is {{ plan.prefect | prefect_worker_pin(item) }} on {{ item }}"
                },
                "loop": HOSTS,
            },
        ],
    }
]


def played(folder: Path, requirements: str) -> str:
    """Return what Ansible says of a project with these requirements."""
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
    (folder / "prefect.yaml").write_text("deployments: []\n", encoding="utf-8")
    (folder / "play.yml").write_text(json.dumps(PLAY), encoding="utf-8")
    plugins = {
        "ANSIBLE_ACTION_PLUGINS": str(ROLE / "action_plugins"),
        "ANSIBLE_FILTER_PLUGINS": str(ROLE / "filter_plugins"),
        "ANSIBLE_LIBRARY": str(ROLE / "library"),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    command = Path(sys.executable).with_name("ansible-playbook")
    return run(command, "play.yml", cwd=folder, env=plugins, check=False).stdout


def test_each_machine_takes_the_line_whose_marker_holds(tmp_path: Path) -> None:
    said = played(tmp_path, REQUIREMENTS)
    assert "is 3.8.8 on {'python_version': '3.11.2'" in said
    assert "is 3.9.1 on {'python_version': '3.13.0'" in said


def test_a_machine_that_no_line_is_for_is_refused(tmp_path: Path) -> None:
    said = played(
        tmp_path, REQUIREMENTS.replace(">=", "==").replace("'3.11.4' and", "'3.12.1' and")
    )
    assert "leaves out Python 3.13.0 on aarch64" in said
