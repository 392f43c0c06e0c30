"""The first steps of a bare machine: looked at, made a worker, played again, switched off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.hosts.control.observe import main_pid, written
from tests.hosts.control.playbook import Played
from tests.hosts.control.server import now
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container

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


class Workers:
    """The files of machines that are workers, of which copies can be made."""

    def __init__(self, site: Site) -> None:
        """Make none before it is asked for."""
        self._site = site
        self._stories: dict[str, Story] = {}
        self._layers: dict[str, list[Path]] = {}

    def story(self, suite: str) -> Story:
        """Return the first steps of a machine, which takes three plays more than to make it."""
        if suite not in self._stories:
            story = self._stories[suite] = _tell(self._site, suite)
            self._layers[suite] = story.layers
        return self._stories[suite]

    def layers(self, suite: str) -> list[Path]:
        """Return the files of a machine that one play has made a worker, if none is there."""
        if suite not in self._layers:
            host = _bare(self._site, suite, f"{suite}-worker")
            self._site.play(host).succeeded()
            self._layers[suite] = host.snapshot()
        return self._layers[suite]


def _bare(site: Site, suite: str, name: str) -> Container:
    host = site.lab.container(suite, name)
    host.start()
    host.wait()
    return host


def _tell(site: Site, suite: str) -> Story:
    """Take a bare machine through its first steps."""
    host = _bare(site, suite, f"{suite}-story")
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
