"""`make provision` does what the inventory asks for, and ends with what was proved."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.template.conftest import Bake
from tests.template.trees import run

# Each stands in for a program, and says what it was called for.
PYTHON = f"""#!/bin/sh
case "$2" in tools.provisioned) exec {sys.executable} "$@";; *) echo "did $2";; esac
"""
PLAYBOOK = """#!/bin/sh
echo "did $1"
test "$1" != ansible/worker.yml || printf 'vm1 is proved\\nvm2 is proved' > "$PROVED"
# As ansible/server.yml does.
test "$1" != ansible/server.yml || echo 'PREFECT_API_URL=https://192.0.2.1/api' > .env
"""
DOTENV = f'#!/bin/sh\nexec {sys.executable} -m dotenv "$@"\n'
SERVER = "prefect_server: {hosts: {server: {ansible_host: 192.0.2.1}}}\n"
WORKER = "prefect_workers: {hosts: {vm1: {ansible_host: 192.0.2.10}}}\n"
SERVER_PLAYED, WORKERS_PLAYED = "did ansible/server.yml", "did ansible/worker.yml"
BOOTSTRAPPED, DEPLOYED = "did tools.bootstrap", "did tools.deploy"
NO_WORKER = "No worker is named in inventory/hosts.yml, so nothing runs the deployments yet."
LOGIN = {"PREFECT_API_AUTH_STRING": "admin:secret"}
OWN = {"PREFECT_API_URL": "http://someone:secret@prefect.example.com/api"}


def provisioned(project: Path, inventory: str, known: dict[str, str]) -> list[str]:
    """Return the lines that `make provision` prints, with stand-ins for all other programs."""
    programs = project / ".venv/bin"
    programs.mkdir(parents=True)
    stand_ins = {"python": PYTHON, "dotenv": DOTENV, "ansible-playbook": PLAYBOOK, "docker": ""}
    for name, text in stand_ins.items():
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    (project / ".venv/installed").touch()
    (project / "inventory/hosts.yml").write_text(inventory, encoding="utf-8")
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"PATH": path, "ANSIBLE_HOME": str(project.parent / "ansible"), **known}
    made = run("make", "--silent", "provision", cwd=project, env=environment)
    assert "secret" not in made.stdout + made.stderr
    return made.stdout.splitlines()


def test_a_server_alone_gets_the_deployments(bake: Bake) -> None:
    said = provisioned(bake(), SERVER, {})
    page = "The page is at https://192.0.2.1; it asks for no login."
    assert said == [SERVER_PLAYED, BOOTSTRAPPED, DEPLOYED, "", NO_WORKER, page]


@pytest.mark.parametrize("pool", ["process", "docker"])
def test_it_ends_with_what_was_proved_and_the_page(bake: Bake, pool: str) -> None:
    project = bake(work_pool_type=pool)
    said = provisioned(project, SERVER + WORKER, {**OWN, **LOGIN})
    page = "The page is at http://***@prefect.example.com; its login is PREFECT_API_AUTH_STRING"
    proof = ["", "vm1 is proved", "vm2 is proved", f"{page} in .env."]
    # A docker project has no play of a server.
    server = [SERVER_PLAYED] if pool == "process" else []
    assert said == [*server, BOOTSTRAPPED, WORKERS_PLAYED, DEPLOYED, *proof]
