"""A project with the packages and programs of data teams, and what came of its runs."""

from __future__ import annotations

import json
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


@dataclass(frozen=True)
class Outcome:
    """How a task ended: its state's type, and what it returned or why it failed."""

    state: str
    output: str


def with_workloads(site: Site) -> Project:
    """The site's project with the workloads in it, and the packages that they need pinned."""
    project = site.project.copy("workloads")
    for file in WORKLOADS.glob("*.py"):
        path = FLOW if file.name == Path(FLOW).name else f"src/shop_reports/workloads/{file.name}"
        project.change(path, file.read_text())
    project.append("prefect.yaml", ENTRY)
    _pin(project.folder / "requirements.txt", WORKLOADS / "requirements.in")
    return project


def deploy(site: Site) -> str:
    """A deployment of the flow, by its id; the packages are not on the control side."""
    flow = site.api.request("POST", "/flows/", {"name": "workloads"})["id"]
    step = "prefect.deployments.steps.set_working_directory"
    body = {
        "name": "workloads",
        "flow_id": flow,
        "work_pool_name": site.pool,
        "entrypoint": f"{FLOW}:workloads",
        "pull_steps": [{step: {"directory": "{{ $PROJECT_DIR }}"}}],
        "enforce_parameter_schema": False,
    }
    return str(site.api.request("POST", "/deployments/", body)["id"])


def outcomes(api: Api, host: Host, group: str) -> dict[str, Outcome]:
    """What became of each workload of a group, all of them in one run."""
    ended = api.run("workloads/workloads", group=group)
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


def _pin(pins: Path, wanted: Path) -> None:
    """Add to the pins, moving none of them."""
    command: list[str | Path] = [TOOLS / "uv", "pip", "compile", "--quiet", "--universal"]
    command += ["--python-version", "3.10", "--generate-hashes", "--output-file", pins]
    run([*command, pins, wanted])
