"""The README's commands lead from `uvx cookiecutter` to a run with pandas on a bare machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tests.hosts.control.project import TEMPLATE, TOOLS, Project
from tests.hosts.control.site import CA_BUNDLE, Site
from tests.hosts.machines.shell import run

# Half an hour under emulation.
pytestmark = pytest.mark.long
NAME = "Sales Figures"
FLOW = '''"""Sum what each shop sold."""

import pandas as pd

from prefect_durable import flow, settle, task


@task
def fetch(source: str) -> pd.DataFrame:
    return pd.DataFrame({"shop": ["a", "b", "a"], "sold": [1, 2, len(source)]})


@flow(name="daily-report", log_prints=True)
def daily_report(source: str = "somewhere") -> dict[str, int]:
    table = fetch.submit(source)
    settle([table])
    sold = table.result().groupby("shop")["sold"].sum().to_dict()
    print(f"sold: {sold}")
    return sold
'''


def test_a_project_with_pandas_comes_to_a_bare_virtual_machine(site: Site, tmp_path: Path) -> None:
    machine = site.lab.vm("trixie", "bare")
    machine.start()
    machine.wait()
    environment = {
        **site.environment,
        "HOME": str(tmp_path),
        "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_SSH_ARGS": f"-F {site.lab.keys.config}",
    }
    # The first question is the project's name; all others are answered by Enter.
    answers = f"{NAME}\n" + "\n" * 20
    run(["uvx", "cookiecutter", TEMPLATE], answers, tmp_path, environment)
    project = Project(tmp_path / "sales-figures")

    def make(*words: str) -> str:
        return run(["make", *words], folder=project.folder, environment=environment)

    project.require(["pandas"])
    make("lock")
    make("flow", "NAME=daily_report")
    project.change("src/sales_figures/flows/daily_report.py", FLOW)
    inventory = {"prefect_workers": {"hosts": {"vm1": {"ansible_host": machine.address}}}}
    project.change("inventory/hosts.yml", yaml.safe_dump(inventory))
    # The machine is behind the proxy of whoever runs the tests.
    project.append(
        "inventory/group_vars/prefect_workers.yml", f"\nprefect_worker_ca_bundle: {CA_BUNDLE}\n"
    )
    make("provision")

    watched = run(
        [".venv/bin/prefect", "deployment", "run", "daily-report/daily_report", "--watch"],
        folder=project.folder,
        environment=environment,
    )
    id_ = watched.split("UUID: ")[1].split()[0]
    assert site.api.request("GET", f"/flow_runs/{id_}")["state_type"] == "COMPLETED"
    logs = run(
        [".venv/bin/prefect", "flow-run", "logs", id_],
        folder=project.folder,
        environment=environment,
    )
    assert "sold: {'a': 10, 'b': 2}" in logs
    machine.kill()
