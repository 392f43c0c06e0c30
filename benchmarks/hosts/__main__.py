"""Prints how long the playbook takes, as ratios measured in one run."""

from __future__ import annotations

from pathlib import Path

from benchmarks.hosts.comparing import HEAD, Comparison, seconds
from benchmarks.hosts.machines import booted, by_hand, by_playbook
from benchmarks.hosts.runs import flow_runs
from tests.hosts.control.project import TOOLS
from tests.hosts.control.site import Site
from tests.hosts.machines.lab import Lab
from tests.hosts.machines.shell import run

FIRST_RUNS = 3
LATER_RUNS = 7


def main() -> None:
    """Measure, ours and the other's by turns, and print the table."""
    with Lab() as lab:
        site = Site(lab)
        rows = [first_run(site), later_run(site), *flow_runs(site)]
    print(HEAD, *(row.row() for row in rows), sep="\n")


def first_run(site: Site) -> Comparison:
    """From a bare machine to a worker ONLINE; ours also proves it with a flow run."""
    ours, others = [], []
    for number in range(FIRST_RUNS):
        machine = booted(site, f"hand{number}")
        others.append(seconds(by_hand, site, machine, site.pool))
        machine.kill()
        machine = booted(site, f"play{number}")
        ours.append(seconds(by_playbook, site, machine))
        machine.kill()
    return Comparison("first run", "the same by hand", ours, others, "1.5")


def later_run(site: Site) -> Comparison:
    """A run that has nothing to change."""
    machine = booted(site, "later")
    by_playbook(site, machine)
    ours, others = [], []
    for _ in range(LATER_RUNS):
        others.append(seconds(ping, site))
        ours.append(seconds(by_playbook, site, machine))
    machine.kill()
    return Comparison("unchanged second run", "ansible -m ping", ours, others, "12")


def ping(site: Site) -> None:
    """What the least of Ansible takes."""
    command: list[str | Path] = [TOOLS / "ansible", "prefect_workers", "-m", "ping"]
    run(command, folder=site.project.folder / "ansible")


if __name__ == "__main__":
    main()
