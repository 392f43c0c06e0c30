"""A broken inventory stops a play; what else is in `inventory/` is no inventory to Ansible."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.template.conftest import Bake
from tests.template.trees import run

WRITTEN = re.compile(r">inventory/([\w.]+)`")
# What people keep beside an inventory.
OTHERS = ("README", "notes.md", "id_ed25519", "id_ed25519.pub", "vm.pem", "vault_pass", "hosts.bak")


def hosts(project: Path, folder: str, home: Path) -> subprocess.CompletedProcess[str]:
    """List the workers, as `make provision` asks for machines first."""
    ansible = Path(sys.executable).with_name("ansible")
    command = (ansible, "prefect_workers", "--list-hosts")
    environment = {"ANSIBLE_HOME": str(home)}
    return run(*command, cwd=project / folder, env=environment, check=False)


@pytest.mark.parametrize("folder", [".", "ansible"])
def test_other_files_beside_the_inventory_stop_no_play(
    bake: Bake, tmp_path: Path, folder: str
) -> None:
    project = bake()
    readme = (project / "ansible/roles/prefect_worker/README.md").read_text("utf-8")
    written = WRITTEN.findall(readme)
    assert written
    for name in (*written, *OTHERS):
        (project / "inventory" / name).write_text("git.example.com ssh-ed25519 AAAA\n")
    listed = hosts(project, folder, tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "Failed to parse" not in listed.stderr


@pytest.mark.parametrize("folder", [".", "ansible"])
def test_a_broken_inventory_is_not_taken_for_one_without_machines(
    bake: Bake, tmp_path: Path, folder: str
) -> None:
    project = bake()
    inventory = project / "inventory/hosts.yml"
    inventory.write_text(f"{inventory.read_text()}    vm1: {{ansible_host: 192.0.2.10\n")
    listed = hosts(project, folder, tmp_path)
    assert listed.returncode != 0
    assert f"Completely failed to parse inventory source {inventory}" in listed.stderr
