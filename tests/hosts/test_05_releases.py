"""New releases, good and bad, and the way back; one story on one machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.control.observe import UNIT, main_pid, release, releases
from tests.hosts.control.project import Project
from tests.hosts.control.server import now
from tests.hosts.control.site import CA_BUNDLE, WITHOUT_A_RUN, Site
from tests.hosts.machines.container import Container

FLOW = "src/shop_reports/flows/passing_data.py"
WORKER = "shop-reports@worker"
CACHE = "/opt/prefect/uv/cache"
# A package as uv keeps it, which no release has.
UNUSED = f"""
cd {CACHE}/archive-v* && cp -r "$(ls | head -n 1)" unused
cd {CACHE}/wheels-v*/pypi && mkdir unused && cd unused
ln -s {CACHE}/archive-v0/unused unused-1.0-py3-none-any
touch unused-1.0-py3-none-any.http unused-1.0-py3-none-any.msgpack
"""
MARKS = "/var/lib/prefect/shop-reports/upgraded"
# Tells of each flow run that it was executed by the upgraded code.
UPGRADED = """
import os, pathlib
if run_id := os.environ.get("PREFECT__FLOW_RUN_ID"):
    marks = pathlib.Path(os.environ["PREFECT_HOME"], "upgraded")
    marks.mkdir(exist_ok=True)
    (marks / run_id).touch()
"""

# Needs more than the sandbox gives, already when it is imported; tells what unit it is in.
NEEDY = """
import os, pathlib, subprocess
list(pathlib.Path("/home").iterdir())
unit = pathlib.PurePath(pathlib.Path("/proc/self/cgroup").read_text().strip()).name
seen = subprocess.check_output(["systemctl", "show", unit], text=True)
where = "run" if os.environ.get("PREFECT__FLOW_RUN_ID") else "proof"
pathlib.Path("/srv/data", where).write_text(seen)
"""
# What a unit has by its name, its place, its life and what it is connected to.
OF_ITS_OWN = re.compile(
    "After|Before|CPUUsage.*|Control.*|Description|DropInPaths|Environment.*|Exec.*|FragmentPath"
    "|Id|InvocationID|LogRateLimit.*|MainPID|Memory(Available|Current|Peak)|Names|Refs"
    "|Requires.*|Restart|RuntimeMaxUSec|Slice|TasksCurrent|Timeout.*|Transient|UnitFileState|Wants.*"
    "|WorkingDirectory|.*Timestamp.*"
)


@pytest.fixture(scope="module")
def project(site: Site) -> Project:
    """The project, to be changed from test to test."""
    return site.project.copy("releases")


def test_an_upgrade_of_code_switches_to_a_new_release_and_leaves_the_worker_alone(
    site: Site, host: Container, project: Project
) -> None:
    old, pid = release(host), main_pid(host)
    project.append(FLOW, UPGRADED)
    site.play(host, project=project, **WITHOUT_A_RUN).succeeded()
    assert release(host) != old
    assert releases(host) == {old, release(host)}
    assert main_pid(host) == pid


def test_after_an_upgrade_runs_have_the_new_code(site: Site, host: Container) -> None:
    run = site.api.run("passing-data/passing_data")
    assert run["state_type"] == "COMPLETED"
    assert run["id"] in host.shell(f"ls {MARKS}")


def test_releases_with_equal_pins_share_their_packages(host: Container) -> None:
    place = "/opt/prefect/shop-reports/releases/*/.venv/lib/python3*/site-packages"
    assert len(set(host.shell(f"stat -c %i {place}/prefect/__init__.py").split())) == 1
    assert len(set(host.shell(f"cat {place}/_project.pth").split())) == 2 * 4


def test_rollback_returns_to_the_release_before_and_needs_no_room(
    site: Site, host: Container, project: Project
) -> None:
    (before,) = releases(host) - {release(host)}
    full: dict[str, Any] = {**WITHOUT_A_RUN, "prefect_worker_free_mib": 900_000}
    full["prefect_worker_state"] = "rolled_back"
    site.play(host, project=project, **full).succeeded()
    assert release(host) == before
    run = site.api.run("passing-data/passing_data")
    assert run["state_type"] == "COMPLETED"
    assert run["id"] not in host.shell(f"ls {MARKS}")


def test_a_new_release_with_other_authorities_restarts_the_worker_once(
    site: Site, host: Container, project: Project, tmp_path: Path
) -> None:
    pid = main_pid(host)
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(f"# Another word.\n{CA_BUNDLE.read_text()}")
    project.append(FLOW, "\nTRUSTS = True\n")
    bundled = {**WITHOUT_A_RUN, "prefect_worker_ca_bundle": str(bundle)}
    site.play(host, project=project, **bundled).succeeded()
    new = main_pid(host)
    assert new != pid
    again = site.play(host, project=project, **bundled).succeeded()
    assert again.changed["worker"] == 0
    assert main_pid(host) == new


def test_a_release_whose_flow_does_not_import_leaves_the_worker_alone(
    site: Site, host: Container, project: Project
) -> None:
    old, pid, kept = release(host), main_pid(host), releases(host)
    broken = project.copy("releases-broken")
    broken.append("src/shop_reports/flows/fan_out.py", "\nimport there_is_no_such_module\n")
    played = site.play(host, project=broken)
    assert played.failed == {"worker"}
    assert "it does not prove itself (status 1)" in played.objections["worker"]
    assert "there_is_no_such_module" in played.text
    assert (release(host), main_pid(host), releases(host)) == (old, pid, kept)


def test_a_release_whose_worker_cannot_start_is_put_back(
    site: Site, host: Container, project: Project
) -> None:
    # The worker that is put back is that of two releases, which differ in their code alone.
    # Written where it is imported, as a run may do.
    project.append(FLOW, "\nfrom pathlib import Path\nPath('made').mkdir(exist_ok=True)\n")
    site.play(host, project=project, **WITHOUT_A_RUN).succeeded()
    old, started = release(host), now()
    mute = project.copy("releases-mute")
    # Imports, and never gets an answer from any API.
    settings = (mute.folder / "prefect.toml").read_text()
    mute.change("prefect.toml", settings.replace("[api]\n", "[api]\nrequest_timeout = 0.001\n"))
    played = site.play(host, project=mute, prefect_worker_timeout=40)
    assert played.failed == {"worker"}
    assert f"The release before, {old}, is back" in played.objections["worker"]
    assert release(host) == old
    assert host.shell(f"readlink /proc/{main_pid(host)}/cwd").strip().endswith(old)
    site.online(WORKER, started, seconds=45)
    assert site.api.run("passing-data/passing_data")["state_type"] == "COMPLETED"


def test_a_worker_that_shared_its_links_has_its_own(
    site: Site, host: Container, project: Project
) -> None:
    """Earlier, all workers of a project had the same; they go with the next releases."""
    used, folder = release(host), "/opt/prefect/shop-reports"
    files = f"/etc/systemd/system/{UNIT} /etc/prefect/shop-reports/shop-reports.env"
    host.shell(f"sed -i s,/workers/shop-reports/current,/current, {files}")
    host.shell(f"ln -s releases/{used} {folder}/current && rm -r {folder}/workers")
    host.shell(f"systemctl daemon-reload && systemctl restart {UNIT}")
    site.play(host, project=project, **WITHOUT_A_RUN).succeeded()
    assert release(host) == used
    again = site.play(host, project=project, **WITHOUT_A_RUN).succeeded()
    assert again.changed["worker"] == 0


def test_only_so_many_releases_stay(site: Site, host: Container, project: Project) -> None:
    used = release(host)
    fetched = host.shell(f"ls {CACHE}/archive-v*").split()
    host.shell(UNUSED)
    few = {**WITHOUT_A_RUN, "prefect_worker_releases_kept": 2}
    for number in range(3):
        project.append(FLOW, f"\nRELEASE = {number}\n")
        site.play(host, project=project, **few).succeeded()
    # The worker was started with the first of them.
    assert len(releases(host)) == 3
    assert {used, release(host)} < releases(host)
    assert host.shell("ls /opt/prefect/shop-reports").split() == ["releases", "workers"]
    # What was fetched for them stays, what none of them has does not.
    assert host.shell(f"ls {CACHE}/archive-v*").split() == fetched
    assert host.shell(f"find {CACHE}/wheels-v* -name 'unused-*'") == ""


def test_a_release_is_proved_in_the_sandbox_of_runs_and_with_their_overrides(
    site: Site, host: Container, project: Project
) -> None:
    host.shell("install --directory --owner=prefect /srv/data")
    needy = project.copy("releases-needy")
    needy.append(FLOW, NEEDY)
    refused = site.play(host, project=needy).objections["worker"]
    assert "PermissionError: [Errno 13] Permission denied: '/home'" in refused
    overrides = {"ProtectHome": "read-only", "ReadWritePaths": "/srv/data", "Restart": "always"}
    site.play(host, project=needy, prefect_worker_unit_overrides=overrides).succeeded()
    assert host.shell("stat -c %U /srv/data/proof").strip() == "prefect"


def test_a_release_is_proved_with_all_that_limits_a_run(host: Container) -> None:
    proof, run = (_shown(host.shell(f"cat /srv/data/{where}")) for where in ("proof", "run"))
    different = {name for name in proof | run if proof.get(name) != run.get(name)}
    assert [name for name in sorted(different) if not OF_ITS_OWN.fullmatch(name)] == []
    assert (run["TasksMax"], run["Slice"]) == ("4096", "prefect.slice")


def _shown(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
