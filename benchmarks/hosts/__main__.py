"""Prints how long the playbook takes, as ratios measured in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.hosts.control.project import TOOLS
from tests.hosts.control.site import CA_BUNDLE, Site
from tests.hosts.machines.container import Container
from tests.hosts.machines.lab import Lab
from tests.hosts.machines.shell import run

BY_HAND = Path(__file__).with_name("by_hand.sh")
FIRST_RUNS = 3
LATER_RUNS = 7


@dataclass(frozen=True)
class Comparison:
    """Seconds of ours, seconds of the other, and what was promised."""

    ours: str
    other: str
    our_seconds: list[float]
    other_seconds: list[float]
    promised: float

    def row(self) -> str:
        """A line of the table."""
        mine, others = statistics.median(self.our_seconds), statistics.median(self.other_seconds)
        return (
            f"| {self.ours}, {mine:.1f} s | {self.other}, {others:.1f} s "
            f"| {mine / others:.2f} | {self.promised} |"
        )


def main() -> None:
    """Measure, ours and the other's by turns, and print the table."""
    with Lab() as lab:
        site = Site(lab)
        rows = [first_run(site).row(), later_run(site).row()]
    print("| ours, median | compared with, median | ratio | promised |")
    print("| --- | --- | --- | --- |")
    print("\n".join(rows))


def first_run(site: Site) -> Comparison:
    """From a bare machine to a worker ONLINE; ours also proves it with a flow run."""
    ours, others = [], []
    for number in range(FIRST_RUNS):
        machine = booted(site, f"hand{number}")
        others.append(seconds(by_hand, site, machine))
        machine.kill()
        machine = booted(site, f"play{number}")
        ours.append(seconds(by_playbook, site, machine))
        machine.kill()
    return Comparison("first run", "the same by hand", ours, others, 1.5)


def later_run(site: Site) -> Comparison:
    """A run that has nothing to change."""
    machine = booted(site, "later")
    by_playbook(site, machine)
    ours, others = [], []
    for _ in range(LATER_RUNS):
        others.append(seconds(ping, site))
        ours.append(seconds(by_playbook, site, machine))
    machine.kill()
    return Comparison("unchanged second run", "ansible -m ping", ours, others, 12)


def booted(site: Site, name: str) -> Container:
    """A bare machine that has finished booting."""
    machine = site.lab.container("trixie", name)
    machine.start()
    machine.wait()
    return machine


def by_hand(site: Site, machine: Container) -> None:
    """Run the script of a person."""
    command: list[str | Path] = [BY_HAND, site.lab.keys.config, machine.address]
    command += [site.project.folder, TOOLS / "uv", CA_BUNDLE, machine.name]
    run(command, environment=site.environment)


def by_playbook(site: Site, machine: Container) -> None:
    """Run the playbook."""
    site.play(machine).succeeded()


def ping(site: Site) -> None:
    """What the least of Ansible takes."""
    command: list[str | Path] = [TOOLS / "ansible", "prefect_workers", "-m", "ping"]
    run(command, folder=site.project.folder / "ansible")


def seconds(task: Callable[..., None], *arguments: object) -> float:
    """How long it takes."""
    started = time.monotonic()
    task(*arguments)
    return time.monotonic() - started


if __name__ == "__main__":
    main()
