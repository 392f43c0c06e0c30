"""`absent` removes all that the role made, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hosts.control.observe import everything
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container

OTHERS = ("/etc/other/kept", "/opt/other/kept", "/etc/systemd/system/other.service")
pytestmark = pytest.mark.parametrize("host", ["trixie", "bookworm"], indirect=True, scope="module")
ACCOUNTS = ("etc/passwd", "etc/group", "etc/shadow")


@pytest.fixture(scope="module")
def bare(site: Site, host: Container) -> Iterator[Container]:
    """A machine that never was a worker."""
    machine = site.lab.container(host.suite, f"bare-{host.suite}")
    machine.start()
    machine.wait()
    yield machine
    machine.kill()


def accounts(host: Container) -> list[list[str]]:
    """Who has an account and in which groups, line by line."""
    return [sorted((host.files.root / path).read_text().split()) for path in ACCOUNTS]


def test_absent_leaves_the_machine_as_it_was(site: Site, host: Container, bare: Container) -> None:
    for path in OTHERS:
        host.shell(f"mkdir -p $(dirname {path}) && touch {path}")
    site.play(host, prefect_worker_state="absent").succeeded()
    kept = {path[1:] for path in OTHERS} | {"etc/other", "opt/other"}
    assert everything(host) - everything(bare) == kept
    assert everything(bare) - everything(host) == set()
    assert accounts(host) == accounts(bare)


def test_absent_touches_nothing_of_others(host: Container) -> None:
    host.shell(f"ls {' '.join(OTHERS)}")


def test_absent_leaves_no_unit_behind(host: Container) -> None:
    assert "prefect" not in host.shell("systemctl list-units --all --plain --no-legend")


def test_absent_again_changes_nothing(site: Site, host: Container) -> None:
    assert site.play(host, prefect_worker_state="absent").succeeded().changed["worker"] == 0
