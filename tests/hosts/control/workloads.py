"""A project with the packages and programs of data teams, and what came of its runs."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests.hosts.control import credentials
from tests.hosts.control.project import TOOLS, Project
from tests.hosts.control.server import FINAL, Api, eventually
from tests.hosts.control.site import Site
from tests.hosts.machines.host import Host
from tests.hosts.machines.shell import run

WORKLOADS = Path(__file__).resolve().parent.parent / "workloads"
FLOW = "src/shop_reports/flows/workloads.py"
ENTRY = f"  - name: workloads\n    entrypoint: {FLOW}:workloads\n    work_pool: *work_pool\n"
NOTES = "/var/lib/prefect/shop-reports/workloads"
# As an owner has them: programs, plug-ins and a wheel of one's own.
OF_THE_PROJECT = """
[project.scripts]
shop-total = "shop_reports.workloads.shell:total"

[project.entry-points."shop_reports.sources"]
orders = "shop_reports.workloads.shell:total"

[tool.uv]
find-links = ["wheels"]

[tool.uv.pip]
emit-find-links = true
"""
WHEEL = "shop_units-1.0-py3-none-any.whl"
DATABASE = {"PGHOST": "127.0.0.1", "PGDATABASE": "shop", "PGUSER": "flows", "PGPASSWORD": "word"}


# What each workload returns, by the module that it is in.
OUTPUTS = {
    "arrays": {"numpy": "27000000.0"},
    "credentials": {
        "aws": "shared-credentials-file, 200",
        "netrc": "x, of today",
        "odbc": "flows",
        "pgpass": "flows\nflows",
    },
    "libraries": {
        "boto3": "of today",
        "dask": "[1, 2]",
        "duckdb": "[(499500,)]",
        "joblib": "[1, 2]",
        "multiprocessing_fork": "[1, 2]",
        "multiprocessing_spawn": "[1, 2]",
        "pandas": "{'a': 4, 'b': 2}",
        "polars": "[('a', 4), ('b', 2)]",
        "psycopg": "(5050,)",
        "pyarrow": "1000",
    },
    "network": {
        "git_https_and_a_port_above_1023": "x",
        "rsync_scp_and_sftp": "1",
        "smtp": "{}",
    },
    "project": {
        "empty_folder": "1",
        "entry_points": "orders",
        "files_are_no_links": "1",
        "hidden_file": "of the shop",
        "module_of_its_own_wheel": "1000",
        "script": "0.1.0 of a script",
        "version": "0.1.0",
    },
    "programs": {
        "chromium": "Report, PNG",
        "ffmpeg_x264": "h264",
        "ffmpeg_x265": "hevc",
        "java": "1",
        "java_home": "/var/lib/prefect/shop-reports",
        "node": "127.0.0.1",
        "pg_dump": "2",
    },
    "rights": {
        "device": "False",
        "limits": "raised",
        "locale": "UTF-8",
        "lock": "locked",
        "ping": "1",
        "time_zone": "1:00:00, +0900, 09",
    },
    "tools": {
        "bzip2": "9000",
        "chgrp": "prefect",
        "cp": "1",
        "git": "x",
        "gzip": "9000",
        "ionice": "idle",
        "nice": "10",
        "os_chown": "True",
        "os_nice": "5",
        "os_sched_setaffinity": "True",
        "psutil": "127.0.0.1",
        "rsync": "x",
        "sed": "a=2",
        "tar": "x",
        "taskset": "1",
        "xz": "9000",
        "zstd": "9000",
    },
}


@dataclass(frozen=True)
class Outcome:
    """How a task ended: its state's type, and what it returned or why it failed."""

    state: str
    output: str


Outcomes = dict[str, dict[str, Outcome]]


def with_workloads(site: Site, name: str, packages: list[str], imports: list[str]) -> Project:
    """Return a copy of the site's project with the workloads and what they need, deployed."""
    project = site.project.copy(name)
    for file in WORKLOADS.glob("*.py"):
        path = FLOW if file.name == Path(FLOW).name else f"src/shop_reports/workloads/{file.name}"
        project.change(path, file.read_text())
    project.append(FLOW, "".join(f"\nimport {name}\n" for name in imports))
    project.append("prefect.yaml", ENTRY)
    project.append("pyproject.toml", OF_THE_PROJECT)
    project.change(".shop/settings", "of the shop\n")
    project.change("out/.gitkeep", "")
    _make_wheel(project.folder / "wheels" / WHEEL)
    project.require([*packages, "shop-units"])
    path = f"{TOOLS}:{os.environ['PATH']}"
    for target in ("lock", "deploy"):
        environment = {**site.environment, "PATH": path, "MAKEFLAGS": ""}
        run(["make", target], folder=project.folder, environment=environment)
    return project


def _make_wheel(path: Path) -> None:
    path.parent.mkdir()
    about = "shop_units-1.0.dist-info"
    files = {
        "shop_units.py": "KILO = 1000\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: shop-units\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)


def furnish(host: Host) -> None:
    """Give a machine what the workloads talk to, and credentials: a database, mail, folders."""
    host.shell((WORKLOADS / "furnish.sh").read_text())
    credentials.put(host)


def outcomes(api: Api, host: Host, *groups: str) -> Outcomes:
    """Return what became of each workload of some groups, all of them in one run."""
    ended = api.run("workloads/workloads", seconds=900, groups=groups)
    assert ended["state_type"] in {"COMPLETED", "FAILED"}, ended["state"]
    said: dict[str, dict[str, str]] = json.loads(host.shell(f"cat {NOTES}/{ended['id']}.json"))
    names = {name for group in said.values() for name in group}
    # The server writes down what became of tasks when it has the time.
    states = eventually(
        lambda: found if _final(found := api.tasks(ended["id"]), names) else None,
        60,
        lambda: f"of {sorted(names)} the API knows {api.tasks(ended['id'])}",
    )
    return {
        group: {name: Outcome(states[name], output) for name, output in outputs.items()}
        for group, outputs in said.items()
    }


def _final(states: dict[str, str], names: set[str]) -> bool:
    return set(states) == names and set(states.values()) <= FINAL
