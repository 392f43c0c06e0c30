"""The first steps of a bare machine: looked at, made a worker, played again, switched off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.hosts.control.observe import main_pid, written
from tests.hosts.control.playbook import Played
from tests.hosts.control.server import now
from tests.hosts.control.site import Site

Files = set[tuple[str, int, int]]


@dataclass(frozen=True)
class Story:
    """What was said and seen on the way, and the files that copies can be made of."""

    fresh: Files
    looked: Played
    fresh_still: Files
    made: Played
    online: set[str]
    first_pid: int
    converged: Files
    again: Played
    second_pid: int
    converged_still: Files
    again_looked: Played
    journal: str
    layers: list[Path]


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
    online = site.api.online_since(site.pool, made_at)
    first_pid, converged = main_pid(host), written(host)
    again = site.play(host)
    second_pid, converged_still = main_pid(host), written(host)
    again_looked = site.play(host, "--check", "--diff", above=True)
    return Story(
        fresh=fresh,
        looked=looked,
        fresh_still=fresh_still,
        made=made,
        online=online,
        first_pid=first_pid,
        converged=converged,
        again=again,
        second_pid=second_pid,
        converged_still=converged_still,
        again_looked=again_looked,
        journal=host.journal(lines=100_000),
        layers=host.snapshot(),
    )
