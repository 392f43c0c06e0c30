"""A bad variable gets one clear sentence, and leaves the machine untouched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.hosts.control.ahead import ahead
from tests.hosts.control.observe import written
from tests.hosts.control.playbook import Played, play
from tests.hosts.control.project import Project
from tests.hosts.control.site import Site
from tests.hosts.control.wrong import FILES, WRONG
from tests.hosts.machines.container import Container
from tests.hosts.machines.host import quoted

ALIASES = {f"case{number}": name for number, name in enumerate(WRONG)}


@dataclass(frozen=True)
class Refused:
    """What was said of the one machine under many names, each with something wrong."""

    sentences: dict[str, str]
    said: str
    untouched: bool


@pytest.fixture(scope="module")
def machine(site: Site) -> Iterator[Container]:
    """A machine that is to become no worker."""
    made = site.lab.container("trixie", "refused")
    made.start()
    made.wait()
    made.shell("mkdir -p /opt/prefect && install -d -o daemon /opt/prefect/theirs")
    made.shell("install -o daemon /usr/bin/python3 /usr/bin/theirs")
    unit = "/etc/systemd/system/prefect-worker-of-others.service"
    made.shell(f"printf '[Service]\\nWorkingDirectory=/opt/prefect/others/current\\n' >{unit}")
    made.shell("systemd-run --unit=squatter python3 -m http.server 22222")
    yield made
    made.kill()


@pytest.fixture(scope="module")
def refused(site: Site, machine: Container) -> Refused:
    """Play all wrong values at once, and again without those that have got their sentence."""
    project = site.project.copy("refused")
    for path, text in FILES.items():
        project.change(path, text)
    before = written(machine)
    sentences: dict[str, str] = {}
    played, found = None, {"": ""}
    with ahead(site.lab.gateway) as clock:
        while found and len(sentences) < len(WRONG):
            left = [alias for alias, name in ALIASES.items() if name not in sentences]
            played = ask(site, machine, project, left, clock)
            found = {ALIASES[alias]: said for alias, said in played.objections.items()}
            sentences.update(found)
    return Refused(sentences, played.text if played else "", written(machine) == before)


def ask(site: Site, machine: Container, project: Project, aliases: list[str], clock: str) -> Played:
    """Play the machine under these names, which is one machine's worth of time."""
    where = site.address(machine)
    words = {
        "gateway": site.lab.gateway,
        "url": site.server.url,
        "project": str(project.folder),
        "ahead": clock,
    }
    project.inventory({alias: {**where, **case(ALIASES[alias], words)} for alias in aliases})
    return play(project, "--forks", "4", environment=site.environment)


def case(name: str, words: dict[str, str]) -> dict[str, Any]:
    """One case's variables."""
    wrong, _ = WRONG[name]
    return {named(key): filled(value, words) for key, value in wrong.items()}


def named(key: str) -> str:
    """The variable's whole name."""
    return key if key.startswith("ansible_") else f"prefect_worker_{key}"


def filled(value: Any, words: dict[str, str]) -> Any:
    """The value, with what is known only now."""
    return value.format(**words) if isinstance(value, str) else value


@pytest.mark.parametrize("name", WRONG)
def test_it_gets_one_clear_sentence(refused: Refused, name: str) -> None:
    sentence = refused.sentences.get(name, f"nothing:\n{refused.said[-5000:]}")
    _, expected = WRONG[name]
    assert expected in sentence
    assert "Traceback" not in sentence
    assert "secret-word" not in sentence
    assert len(sentence) < 400


def test_the_machine_is_untouched(refused: Refused) -> None:
    assert refused.untouched


def test_a_system_that_nobody_knows_is_refused(site: Site, machine: Container) -> None:
    machine.shell("rm /etc/os-release && printf 'ID=plan9\nVERSION_ID=4\n' >/etc/os-release")
    before = written(machine)
    played = site.play(machine)
    assert "plan9 4 is not supported; known systems are" in played.objections["worker"]
    assert written(machine) == before


@pytest.mark.parametrize("names", ["ID=mint\nVERSION_ID=22\nID_LIKE='ubuntu debian'", "ID=debian"])
def test_a_relative_of_a_known_system_and_one_without_a_version_are_accepted(
    site: Site, machine: Container, names: str
) -> None:
    machine.shell(f"rm /etc/os-release && printf {quoted(names)} >/etc/os-release")
    # What is looked at next.
    played = site.play(machine, prefect_worker_free_mib=900_000)
    assert "MiB free" in played.objections["worker"]
