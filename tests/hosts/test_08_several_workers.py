"""Several workers live on one machine without noticing each other."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.hosts.control.observe import UNIT, main_pid, release, releases
from tests.hosts.control.playbook import ANSIBLE, play
from tests.hosts.control.project import TEMPLATE, Project
from tests.hosts.control.server import now
from tests.hosts.control.site import REMOVED, VARIABLES, Site
from tests.hosts.machines.container import Container

SECOND: dict[str, Any] = {"prefect_worker_name": "second", "prefect_worker_pool": "second"}
THIRD = {**SECOND, "prefect_worker_project": "third", "prefect_worker_user": "third"}
AGAIN: dict[str, Any] = {**SECOND, "prefect_worker_name": "again"}
# Both of one machine, in one play.
TWICE = {
    "hosts": "prefect_workers",
    "gather_facts": False,
    "become": True,
    "tasks": [
        {
            "ansible.builtin.include_role": {"name": "prefect_worker"},
            "vars": {
                "prefect_worker_name": "{{ item.name }}",
                "prefect_worker_pool": "{{ item.pool }}",
            },
            "loop": [
                {"name": "shop-reports", "pool": "shop-reports"},
                {"name": "again", "pool": "second"},
            ],
        }
    ],
}
FLOW = "src/shop_reports/flows/passing_data.py"
SECOND_UNIT = "prefect-worker-second.service"


@pytest.fixture(scope="module", autouse=True)
def second_pool(site: Site) -> None:
    """Make a pool that the project has no deployments in."""
    site.api.create_pool("second")


def test_a_second_worker_does_not_touch_the_first(site: Site, host: Container) -> None:
    pid, started = main_pid(host), now()
    site.play(host, **SECOND).succeeded()
    assert main_pid(host) == pid
    site.online("second@worker", started, pool="second", seconds=45)
    site.online("shop-reports@worker", started)
    refused = site.play(host, **SECOND, prefect_worker_user="third").objections["worker"]
    assert "has the same project and runs as prefect" in refused


def test_a_change_of_one_does_not_restart_the_other(site: Site, host: Container) -> None:
    """Nor does another release of one become the other's."""
    first, second, old = main_pid(host), main_pid(host, SECOND_UNIT), release(host)
    project = site.project.copy("second")
    project.append(FLOW, "\nOF_THE_SECOND = True\n")
    home = {"ProtectHome": "read-only"}
    host.shell("mkdir -p /run/user")
    site.play(host, project=project, **SECOND, prefect_worker_unit_overrides=home).succeeded()
    assert (main_pid(host), release(host)) == (first, old)
    assert release(host, "second") != old
    changed = main_pid(host, SECOND_UNIT)
    assert changed != second
    # No user's manager can be asked, also by those who may read what is at home.
    modes = host.shell(f"nsenter --target {changed} --mount stat --format %a /run/user /home")
    assert modes.split() == ["0", "755"]


def test_a_play_that_fails_for_one_takes_the_other_nowhere(site: Site, host: Container) -> None:
    first, second, started = release(host), release(host, "second"), now()
    project = site.project.copy("second-mute")
    settings = (project.folder / "prefect.toml").read_text()
    # Imports, and never gets an answer from any API.
    project.change("prefect.toml", settings.replace("[api]\n", "[api]\nrequest_timeout = 0.001\n"))
    failed = site.play(host, project=project, **SECOND, prefect_worker_timeout=40)
    assert f"The release before, {second}, is back" in failed.objections["worker"]
    assert (release(host), release(host, "second")) == (first, second)
    site.online("shop-reports@worker", started)


def test_removing_one_leaves_the_other_running(site: Site, host: Container) -> None:
    pid, started = main_pid(host), now()
    site.play(host, **SECOND, **REMOVED).succeeded()
    assert main_pid(host) == pid
    assert host.ssh(f"systemctl cat {SECOND_UNIT}").returncode != 0
    assert UNIT in host.shell("ls /etc/systemd/system")
    assert host.shell("ls /opt/prefect/shop-reports/workers").split() == ["shop-reports"]
    site.online("shop-reports@worker", started)
    assert site.api.run("passing-data/passing_data")["state_type"] == "COMPLETED"


def test_two_workers_are_made_by_one_task(site: Site, host: Container, tmp_path: Path) -> None:
    (tmp_path / "worker.yml").write_text(yaml.safe_dump([TWICE]))
    project, started = site.project, now()
    project.inventory({"worker": {**site.address(host), **VARIABLES}})
    roles = {"ANSIBLE_ROLES_PATH": str(project.folder / "ansible/roles")}
    directory = f"--extra-vars=prefect_worker_project_dir={project.folder}"
    inventory = f"--inventory={project.folder}/inventory"
    environment = {**site.environment, **roles}
    arguments = (inventory, directory)
    made = play(project, *arguments, environment=environment, playbook=tmp_path).succeeded()
    assert "worker ONLINE: again@worker" in made.text
    site.online("again@worker", started, pool="second")
    site.online("shop-reports@worker", started)
    again = play(project, *arguments, environment=environment, playbook=tmp_path).succeeded()
    assert again.changed["worker"] == 0
    site.play(host, **AGAIN, **REMOVED).succeeded()


def test_a_user_of_its_own_goes_with_a_worker(site: Site, host: Container) -> None:
    site.play(host, **THIRD, prefect_worker_smoke_test=False).succeeded()
    host.shell("getent passwd third")
    site.play(host, **THIRD, **REMOVED).succeeded()
    assert host.ssh("getent passwd third").returncode == 2
    host.shell("getent passwd prefect && ls -d /opt/prefect/uv")
    assert site.api.run("passing-data/passing_data")["state_type"] == "COMPLETED"


def test_a_project_that_no_template_made_is_played_from_a_copy(
    site: Site, host: Container, tmp_path: Path
) -> None:
    foreign, pid, started = Project(tmp_path / "foreign"), main_pid(host), now()
    playbook = Path(shutil.copytree(ANSIBLE, tmp_path / "my-playbook"))
    pins = TEMPLATE / "templates/requirements/process-local.txt"
    foreign.change("requirements.txt", pins.read_text())
    foreign.change("only.py", "from prefect import flow\n\n\n@flow\ndef only():\n    pass\n")
    foreign.change("other.py", "import nothing_that_is_here\n\nother = None\n")
    deployments = [
        {"name": "only", "entrypoint": "only.py:only"},
        {"name": "other", "entrypoint": "other.py:other", "work_pool": {"name": site.pool}},
    ]
    pull = [
        {"prefect.deployments.steps.set_working_directory": {"directory": "{{ $PROJECT_DIR }}"}}
    ]
    foreign.change("prefect.yaml", yaml.safe_dump({"pull": pull, "deployments": deployments}))
    variables = {
        "prefect_worker_api_url": site.server.url,
        "prefect_worker_auth_string": site.server.auth_string,
        "prefect_worker_pool": "second",
    }
    foreign.inventory({"worker": {**site.address(host), **VARIABLES, **variables}})
    arguments = (
        f"--inventory={foreign.folder}/inventory",
        f"--extra-vars=prefect_worker_project_dir={foreign.folder}",
    )
    made = partial(play, foreign, *arguments, playbook=playbook, environment=site.environment)
    assert "COMPLETED" in made().succeeded().text
    ready = "cat /opt/prefect/foreign/workers/foreign/current/.ready"
    assert json.loads(host.shell(ready)) == {"second": ["only.py:only"]}
    # The same release, which has not been tried with the flows of this pool.
    of_the_other = f"-eprefect_worker_name=other -eprefect_worker_pool={site.pool}".split()
    refused = made(*of_the_other).objections["worker"]
    assert "other.py:other does not import: ModuleNotFoundError" in refused
    assert json.loads(host.shell(ready)) == {"second": ["only.py:only"]}
    site.online("foreign@worker", started, pool="second")
    assert main_pid(host) == pid
    assert site.api.run("passing-data/passing_data")["state_type"] == "COMPLETED"


def test_two_of_one_project_are_made_at_once_on_a_bare_machine(site: Site) -> None:
    machine = site.lab.container("trixie", "shared")
    machine.start()
    machine.wait()
    project, started = site.project.copy("shared"), now()
    first = {**site.address(machine), **VARIABLES}
    project.inventory({"shared": first, "shared-second": {**first, **SECOND}})
    arguments = ("-e", "prefect_worker_serial=2")
    play(project, *arguments, environment=site.environment).succeeded()
    assert len(releases(machine)) == 1
    site.online("shop-reports@shared", started)
    site.online("second@shared-second", started, pool="second")
