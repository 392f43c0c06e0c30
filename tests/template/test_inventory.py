"""What documents have owners put into `inventory/` is no inventory to Ansible."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.template.conftest import Bake
from tests.template.trees import run

WRITTEN = re.compile(r">inventory/([\w.]+)`")


def test_known_hosts_beside_the_inventory_stop_no_play(bake: Bake, tmp_path: Path) -> None:
    project = bake()
    readme = (project / "ansible/roles/prefect_worker/README.md").read_text("utf-8")
    names = WRITTEN.findall(readme)
    assert names
    for name in names:
        (project / "inventory" / name).write_text("git.example.com ssh-ed25519 AAAA\n")
    ansible = Path(sys.executable).with_name("ansible")
    # As `make provision` asks first.
    environment = {
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
    }
    run(ansible, "prefect_server", "--list-hosts", cwd=project, env=environment)
