"""Machines made by hand and by the playbook."""

from __future__ import annotations

from pathlib import Path

from tests.hosts.control.project import TOOLS
from tests.hosts.control.site import CA_BUNDLE, Site
from tests.hosts.machines.container import Container
from tests.hosts.machines.shell import run

BY_HAND = Path(__file__).with_name("by_hand.sh")


def booted(site: Site, name: str) -> Container:
    """A bare machine that has finished booting."""
    machine = site.lab.container("trixie", name)
    machine.start()
    machine.wait()
    return machine


def by_hand(site: Site, machine: Container, pool: str) -> None:
    """Run the script of a person."""
    command: list[str | Path] = [BY_HAND, site.lab.keys.config, machine.address]
    command += [site.project.folder, TOOLS / "uv", CA_BUNDLE, machine.name, pool]
    run(command, environment=site.environment)


def by_playbook(site: Site, machine: Container) -> None:
    """Run the playbook."""
    site.play(machine).succeeded()
