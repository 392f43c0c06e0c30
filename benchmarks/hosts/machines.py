"""Machines made by hand and by the playbook."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.hosts.control.project import Project
from tests.hosts.control.server import moment
from tests.hosts.control.site import CA_BUNDLE, Site
from tests.hosts.machines.container import Container
from tests.hosts.machines.shell import run

BY_HAND = Path(__file__).with_name("by_hand.sh")
STOCK = "stock"
SUITE = "trixie"


class Machines:
    """A machine of ours and one made by hand, which the parts of the benchmark share."""

    def __init__(self, site: Site) -> None:
        """Make the pool of the one made by hand: Prefect's own, nothing set."""
        self.site = site
        site.api.create_pool(STOCK)
        self.first_runs: list[float] = []
        self.later_runs: list[float] = []
        self._pair: tuple[Container, ...] = ()

    @property
    def pair(self) -> tuple[Container, Container]:
        """Ours and the one made by hand."""
        if not self._pair:
            raise RuntimeError("The first runs left no machines.")
        ours, stock = self._pair
        return ours, stock

    def keep(self, *pair: Container) -> None:
        """Use ours and the one made by hand from now on, or none until the next are there."""
        for machine in self._pair:
            machine.discard()
        self._pair = pair

    def booted(self, *names: str) -> list[Container]:
        """Bare machines that have finished booting."""
        machines = [self.site.lab.container(SUITE, name) for name in names]
        for machine in machines:
            machine.start()
        for machine in machines:
            machine.wait()
        return machines

    def forget_workers(self) -> None:
        """Leave no worker of a machine that is gone: it counts as ONLINE for a while."""
        for pool in (self.site.pool, STOCK):
            for worker in self.site.api.request("POST", f"/work_pools/{pool}/workers/filter", {}):
                name = quote(worker["name"], safe="")
                self.site.api.request("DELETE", f"/work_pools/{pool}/workers/{name}")

    def moments(self, run: str) -> dict[str, datetime]:
        """When a flow run came to each of its states."""
        states = self.site.api.request("GET", f"/flow_run_states/?flow_run_id={run}")
        return {state["name"]: moment(state["timestamp"]) for state in states}

    def proof(self) -> float:
        """Seconds that the newest flow run took from the moment that a worker had it to its end."""
        moments = self.moments(self.site.api.runs(self.site.pool)[0]["id"])
        return (moments["Completed"] - moments["Pending"]).total_seconds()

    def by_hand(self, machine: Container, installer: str | Path) -> None:
        """Run the script of a person, who has "pip" or a file of uv."""
        command: list[str | Path] = [BY_HAND, self.site.lab.keys.config, machine.address]
        command += [self.site.project.folder, installer, CA_BUNDLE, machine.name, STOCK]
        run(command, environment=self.site.environment)

    def by_playbook(
        self, *machines: Container, project: Project | None = None, **variables: Any
    ) -> None:
        """Run the playbook, on all machines at once."""
        at_once = ("-e", f"prefect_worker_serial={len(machines)}")
        named = {machine.name: machine for machine in machines}
        self.site.play(named, *at_once, project=project, **variables).succeeded()


def seconds(task: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.monotonic()
    task()
    return time.monotonic() - started
