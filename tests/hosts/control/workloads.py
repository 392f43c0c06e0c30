"""A project with the packages and programs of data teams, and what came of its runs."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from tests.hosts.control.project import TOOLS, Project
from tests.hosts.control.server import FINAL, Api, eventually
from tests.hosts.control.site import Site
from tests.hosts.machines.host import Host
from tests.hosts.machines.shell import run

WORKLOADS = Path(__file__).resolve().parent.parent / "workloads"
FLOW = "src/shop_reports/flows/workloads.py"
ENTRY = f"  - name: workloads\n    entrypoint: {FLOW}:workloads\n    work_pool: *work_pool\n"
NOTES = "/var/lib/prefect/shop-reports/workloads"
DATABASE = {"PGHOST": "127.0.0.1", "PGDATABASE": "shop", "PGUSER": "flows", "PGPASSWORD": "word"}


@dataclass(frozen=True)
class Outcome:
    """How a task ended: its state's type, and what it returned or why it failed."""

    state: str
    output: str


def with_workloads(site: Site) -> Project:
    """Return the site's project with the workloads in it, locked and deployed."""
    project = site.project.copy("workloads")
    for file in WORKLOADS.glob("*.py"):
        path = FLOW if file.name == Path(FLOW).name else f"src/shop_reports/workloads/{file.name}"
        project.change(path, file.read_text())
    project.append("prefect.yaml", ENTRY)
    packages = (WORKLOADS / "requirements.in").read_text().split()
    asked = (project.folder / "pyproject.toml").read_text()
    more = "".join(f"    {json.dumps(package)},\n" for package in packages)
    project.change(
        "pyproject.toml", asked.replace("dependencies = [\n", f"dependencies = [\n{more}", 1)
    )
    path = f"{TOOLS}:{os.environ['PATH']}"
    for target in ("lock", "deploy"):
        environment = {**site.environment, "PATH": path, "MAKEFLAGS": ""}
        run(["make", target], folder=project.folder, environment=environment)
    return project


def furnish(host: Host) -> None:
    """Give a machine what the workloads talk to: a database, mail, a repository, folders."""
    host.shell((WORKLOADS / "furnish.sh").read_text())


def outcomes(api: Api, host: Host, group: str) -> dict[str, Outcome]:
    """Return what became of each workload of a group, all of them in one run."""
    ended = api.run("workloads/workloads", seconds=300, group=group)
    assert ended["state_type"] in {"COMPLETED", "FAILED"}, ended["state"]
    said = json.loads(host.shell(f"cat {NOTES}/{ended['id']}.json"))
    # The server writes down what became of tasks when it has the time.
    states = eventually(
        lambda: found if _final(found := api.tasks(ended["id"]), set(said)) else None,
        60,
        lambda: f"of {sorted(said)} the API knows {api.tasks(ended['id'])}",
    )
    return {name: Outcome(state, said[name]) for name, state in states.items()}


def _final(states: dict[str, str], names: set[str]) -> bool:
    return set(states) == names and set(states.values()) <= FINAL
