"""A machine that reaches no registry becomes a worker with wheels from the control side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.control.playbook import ANSIBLE
from tests.hosts.control.project import TOOLS
from tests.hosts.control.server import now
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container
from tests.hosts.machines.shell import run


@pytest.fixture
def island(site: Site) -> Iterator[Container]:
    """A bare machine that reaches the control side and nothing else."""
    machine = site.lab.container("trixie", "island")
    site.lab.cut_off(machine)
    machine.start()
    machine.wait()
    yield machine
    machine.kill()


def test_wheels_from_the_control_side_are_enough(
    site: Site, island: Container, tmp_path: Path
) -> None:
    python = island.shell("python3 --version").split()[1]
    project = site.project.copy("wheelhouse")
    (project.folder / ".venv").symlink_to(TOOLS.parent)
    (project.folder / "linked.toml").symlink_to(project.folder / "pyproject.toml")
    run(["sh", project.folder / "ansible/wheelhouse", tmp_path, python])
    assert island.ssh("timeout 5 bash -c '</dev/tcp/192.0.2.1/443'").returncode != 0
    started = now()
    wheels = str(tmp_path)
    site.play({"island": island}, project=project, prefect_worker_wheelhouse=wheels).succeeded()
    site.online("shop-reports@island", started, seconds=45)
    # The project is elsewhere there.
    assert "[project]" in island.shell(
        "cat /opt/prefect/shop-reports/workers/shop-reports/current/linked.toml"
    )


def test_wheels_are_those_of_the_project_that_is_named(tmp_path: Path) -> None:
    project = tmp_path / "elsewhere"
    project.mkdir()
    # Nothing but the one tool that every machine needs.
    pins = (ANSIBLE / "roles/prefect_worker/files/uv.txt").read_text()
    (project / "requirements.txt").write_text(pins)
    run(["sh", ANSIBLE / "wheelhouse", "wheels", "3.11.2", "x86_64", project])
    (wheel,) = (project / "wheels").iterdir()
    assert wheel.name.startswith("uv-")
