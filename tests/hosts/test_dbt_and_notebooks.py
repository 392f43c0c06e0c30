"""A project with dbt and notebooks runs on a worker as it does on the laptop."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.hosts.control import credentials
from tests.hosts.control.site import Site
from tests.hosts.control.workloads import Outcome, outcomes, with_workloads
from tests.hosts.machines.container import Container

PACKAGES = ["dbt-core<1.12", "dbt-duckdb", "ipykernel", "nbconvert"]
CELL: dict[str, Any] = {
    "cell_type": "code",
    "execution_count": None,
    "id": "first",
    "metadata": {},
    "outputs": [],
    "source": ["print(6 * 7)"],
}
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
NOTEBOOK = {
    "cells": [CELL],
    "metadata": {"kernelspec": KERNEL},
    "nbformat": 4,
    "nbformat_minor": 5,
}
FILES = {
    "notebooks/report.ipynb": json.dumps(NOTEBOOK),
    "transform/dbt_project.yml": """name: shop
version: "1.0"
profile: shop
flags:
  send_anonymous_usage_stats: false
""",
    "transform/models/sold.sql": "SELECT 42 AS n\n",
}
DATABASE = f"{credentials.HOME}/shop.duckdb"
PROFILES = f"{{shop: {{target: d, outputs: {{d: {{type: duckdb, path: {DATABASE}}}}}}}}}"

# Half a minute of one processor to install, and as long to run.
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def found(site: Site, host: Container) -> dict[str, Outcome]:
    """What became of both."""
    project = with_workloads(site, "analysis", PACKAGES, [])
    for path, text in FILES.items():
        project.change(path, text)
    site.play(host, project=project).succeeded()
    credentials.write(host, ".dbt/profiles.yml", PROFILES)
    return outcomes(site.api, host, "analysis")["analysis"]


@pytest.mark.parametrize("name", ["dbt", "notebook"])
def test_a_program_of_a_package_ends_as_on_the_laptop(found: dict[str, Outcome], name: str) -> None:
    assert found[name] == Outcome("COMPLETED", "42")
