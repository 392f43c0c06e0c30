"""The first steps of a bare machine: looked at, made a worker, played again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from tests.hosts.control.observe import main_pid, written
from tests.hosts.control.playbook import Played
from tests.hosts.control.server import now
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container

Files = set[tuple[str, int, int]]


@dataclass(frozen=True)
class Story:
    """What was said and seen on the way; the machine is still running."""

    host: Container
    fresh: Files
    looked: Played
    fresh_still: Files
    made_at: datetime
    made: Played
    first_pid: int
    converged: Files
    again: Played
    second_pid: int
    converged_still: Files
    again_looked: Played

    @cached_property
    def layers(self) -> list[Path]:
        """The machine's files as a base for copies of it; ends the machine."""
        return self.host.snapshot()


def tell(site: Site, suite: str, name: str) -> Story:
    """Take a bare machine through its first steps."""
    host = site.lab.container(suite, name)
    host.start()
    host.wait()
    fresh = written(host)
    looked = site.play(host, "--check", "--diff")
    fresh_still = written(host)
    made_at = now()
    made = site.play(host, "-vvv", "--diff")
    first_pid, converged = main_pid(host), written(host)
    again = site.play(host)
    second_pid, converged_still = main_pid(host), written(host)
    return Story(
        host=host,
        fresh=fresh,
        looked=looked,
        fresh_still=fresh_still,
        made_at=made_at,
        made=made,
        first_pid=first_pid,
        converged=converged,
        again=again,
        second_pid=second_pid,
        converged_still=converged_still,
        again_looked=site.play(host, "--check", "--diff"),
    )
