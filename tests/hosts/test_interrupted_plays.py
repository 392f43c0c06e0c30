"""A play may end at any moment: its worker is wholly old or new, and the next play finishes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.hosts.control.boundaries import KILL, at_boundaries
from tests.hosts.control.observe import release
from tests.hosts.control.playbook import Played
from tests.hosts.control.project import TOOLS, Project
from tests.hosts.control.server import now
from tests.hosts.control.site import Site
from tests.hosts.control.writing import die_at, empty, fill, live_again
from tests.hosts.machines.container import Container
from tests.hosts.machines.host import quoted

FLOW = "src/shop_reports/flows/passing_data.py"
WORKER = "shop-reports@worker"
SETTINGS = "/etc/prefect/shop-reports/shop-reports"
TRANSACTION = "/etc/prefect/.transactions/shop-reports"
UNDO = "Undo what the play has changed of the worker"
WRITE = "Write the units and their settings"
PROVE = "Wait until the worker is ONLINE and a run has completed"
# All that a play changes of a worker: files with their modes, links, and what systemd knows of it.
LOOK = """
cd / && find etc/prefect etc/systemd/system/prefect* ! -path '*/.transactions/*' -type f \
  -exec sha256sum {} + -exec stat -c '%n %a %U %G' {} + | sort
find /etc/systemd/system -lname '*prefect*' -printf '%p %l\\n' | sort
readlink /opt/prefect/shop-reports/workers/shop-reports/{current,previous}
for unit in prefect-worker-shop-reports.service prefect-worker-shop-reports-watchdog.timer \
  prefect-start-shop-reports.socket prefect-check-shop-reports.timer; do
  systemctl show --property=Id,ActiveState,UnitFileState,NeedDaemonReload $unit
done
process=$(systemctl show --property=MainPID --value prefect-worker-shop-reports.service)
tr '\\0' '\\n' </proc/$process/environ | grep -E '^(ROUND|PREFECT_API_URL)=' | sort
tr '\\0' ' ' </proc/$process/cmdline | grep -o 'limit [0-9]*'
"""


@pytest.fixture(scope="module")
def project(site: Site) -> Project:
    """The project, whose code changes from play to play."""
    return site.project.copy("interrupted")


def round_of(number: int) -> dict[str, Any]:
    """Return variables that change units of the worker and of runs, secrets and the watchdog."""
    return {
        "prefect_worker_limit": number,
        "prefect_worker_environment": {"ROUND": f"round-{number}"},
        "prefect_worker_watchdog_seconds": 30 + number,
        "prefect_worker_releases_kept": 9,
    }


def looked(host: Container) -> str:
    """Return what is to be seen of the worker."""
    return host.shell(LOOK)


def running(text: str) -> list[str]:
    """Return what the worker's process has, of all that was seen."""
    return [line for line in text.splitlines() if line.startswith(("ROUND=", "limit "))]


def is_begun(host: Container) -> bool:
    """Whether a transaction is on the machine's disk."""
    return "yes" in host.shell(f"[ ! -e {TRANSACTION} ] || echo yes")


@pytest.fixture(scope="module")
def boundaries(site: Site, host: Container, project: Project, tmp_path_factory: Any) -> list[str]:
    """The tasks that change something, of a play beside which another one is played."""
    folder: Path = tmp_path_factory.mktemp("boundaries")
    project.append(FLOW, "\nROUND = 1\n")
    second = f"env --unset=BOUNDARY_NOTES --unset=BOUNDARY_COMMANDS {TOOLS}/ansible-playbook"
    hooks = {WRITE: f"{second} worker.yml >{folder / 'second'} 2>&1"}
    environment = at_boundaries(hooks, folder / "notes")
    site.play(host, project=project, environment=environment, **round_of(1)).succeeded()
    told = Played(1, (folder / "second").read_text()).objections["worker"]
    assert "began to change this worker" in told
    assert "seconds ago: play again when it has ended." in told
    return (folder / "notes").read_text().splitlines()


def test_a_play_killed_after_any_task_is_undone_by_the_next(
    site: Site, host: Container, project: Project, boundaries: list[str], tmp_path: Path
) -> None:
    old, old_release, started = looked(host), release(host), now()
    project.append(FLOW, "\nROUND = 2\n")
    after_undo = tmp_path / "undone"
    hop = f"ssh -F {host.place.keys.config} {host.address} sudo sh -c {quoted(quoted(LOOK))}"
    undone = 0
    assert PROVE in boundaries
    for boundary in boundaries[: boundaries.index(PROVE) + 1]:
        begun = is_begun(host)
        if begun and not undone:
            told = site.play(host, "--check", project=project, **round_of(2)).succeeded().sentences
            assert "was interrupted: what it changed is undone first" in told
            assert is_begun(host)
        hooks = {UNDO: f"{hop} >{after_undo}", boundary: KILL}
        played = site.play(host, project=project, environment=at_boundaries(hooks), **round_of(2))
        assert played.code < 0, (boundary, played.text)
        if begun:
            undone += 1
            assert after_undo.read_text() == old, boundary
            assert "An interrupted play is undone." in played.sentences, (boundary, played.text)
        # Whatever is on the disk, the worker goes on, with all of the one or of the other.
        seen = running(looked(host))
        assert seen in (running(old), ["ROUND=round-2", "limit 2"]), boundary
        site.online(WORKER, started)
    assert undone >= 4
    assert not is_begun(host)
    assert release(host) != old_release
    assert site.play(host, project=project, **round_of(2)).succeeded().changed["worker"] == 0


def test_a_module_killed_in_the_middle_of_its_writing_is_undone(
    site: Site, host: Container, project: Project
) -> None:
    old = looked(host)
    die_at(host, f"{SETTINGS}.secrets.env")
    played = site.play(host, project=project, **round_of(4))
    live_again(host)
    assert "The settings before are back" in played.objections["worker"]
    assert looked(host) == old


def test_a_full_disk_leaves_no_part_of_a_secret_and_is_undone(
    site: Site, host: Container, project: Project
) -> None:
    old = looked(host)
    fill(host, "/etc/prefect", spare_kib=40)
    large = {**round_of(5), "prefect_worker_environment": {"ROUND": "word " * 10_000}}
    told = site.play(host, project=project, **large).objections["worker"]
    left = host.shell("find /etc/prefect -name '*.new' -o -name 'tmp*'")
    seen = looked(host)
    empty(host, "/etc/prefect")
    assert f"{SETTINGS}.secrets.env cannot be written: No space left on device." in told
    assert "The settings before are back" in told
    assert left == ""
    assert [line for line in seen.splitlines() if "/.fill" not in line] == old.splitlines()


def test_a_lock_of_another_user_holds_up_no_play(
    site: Site, host: Container, project: Project
) -> None:
    for number, folder in enumerate(("/opt/prefect", "/opt/prefect/shop-reports", "/etc/prefect")):
        holder = f"flock {folder} sleep infinity"
        host.shell(f"systemd-run --quiet --uid=nobody --unit=holder-{number} {holder}")
    project.append(FLOW, "\nROUND = 6\n")
    site.play(host, project=project, **round_of(6)).succeeded()
    host.shell("systemctl stop 'holder-*'")
