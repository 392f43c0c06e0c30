"""The template's options, every combination of them, and what each is expected to generate."""

from __future__ import annotations

import subprocess
from itertools import cycle, product
from pathlib import Path
from typing import NamedTuple

TEMPLATE = Path(__file__).parents[2]
SLUG = "shop-reports"
PACKAGE = "shop_reports"
FLOWS = (
    "passing_data",
    "wait_for",
    "subflows",
    "dynamic_tasks",
    "fan_out",
    "fleet",
    "resume_from_failure",
)
DURABLE = "src/prefect_durable"
TOOLS = "tools"
OF_LAPTOPS = {"tools/worker.py", "tools/provisioned.py"}
INVENTORY = {"inventory/group_vars/prefect_workers.yml", "inventory/hosts.yml"}
TESTED = ("prefect_yaml",)


class Options(NamedTuple):
    """One answer to each question with choices."""

    prefect_api: str
    result_storage: str
    work_pool_type: str
    ci: str
    license: str

    def __str__(self) -> str:
        """Name a test after the options."""
        return "-".join(self)

    @property
    def answers(self) -> dict[str, str]:
        """What cookiecutter is given."""
        return self._asdict()


CLUSTERS = ("kubernetes", "ecs")
STORAGES = ("local", "s3", "azure", "gcs")
# The runs of a cluster share no folder.
POOLS_AND_STORAGES = [
    *product(("process", "docker"), STORAGES),
    *product(CLUSTERS, STORAGES[1:]),
]
LICENSES = ("none", "MIT", "Apache-2.0")
# No file depends on the license and on another answer.
COMBINATIONS = [
    Options(api, storage, pool, ci, terms)
    for (api, (pool, storage), ci), terms in zip(
        product(("self-hosted", "cloud"), POOLS_AND_STORAGES, ("github", "none")),
        cycle(LICENSES),
        strict=False,
    )
]


def verbatim_files(folder: str) -> set[str]:
    """List what git has in a folder that projects get as it is."""
    listed = subprocess.run(
        ["git", "ls-files", folder],
        cwd=TEMPLATE / "{{cookiecutter.project_slug}}",
        capture_output=True,
        text=True,
        check=True,
    )
    # Those that are for one answer alone are listed by it.
    return {name for name in listed.stdout.splitlines() if not name.endswith("{% endif %}")}


def expected_files(options: Options) -> set[str]:
    """List every file that a project with these options consists of."""
    package = f"src/{PACKAGE}"
    files = {
        ".editorconfig",
        ".env.example",
        ".gitattributes",
        ".gitignore",
        ".pre-commit-config.yaml",
        "Makefile",
        "README.md",
        "infrastructure/base_job_template.json",
        "infrastructure/result_storage.yaml",
        "prefect.toml",
        "prefect.yaml",
        "pyproject.toml",
        "requirements-dev.txt",
        "requirements.txt",
        "tests/__init__.py",
        "tests/conftest.py",
        "docs/alerts.md",
        "docs/operations.md",
        "docs/patterns.md",
        "docs/result-storage.md",
        "docs/results.md",
        "docs/retried-run.png",
        *verbatim_files(DURABLE),
        *verbatim_files(TOOLS) - OF_LAPTOPS,
        f"{package}/__init__.py",
        *(f"{package}/flows/{flow}.py" for flow in ("__init__", *FLOWS)),
        *(f"tests/test_{subject}.py" for subject in (*TESTED, *FLOWS)),
    }
    if options.work_pool_type != "process":
        files |= {".dockerignore", "Dockerfile", "certificates/README.md"}
    files |= {
        "process": set(),
        "docker": {f"{TOOLS}/demo/containers.py", "docs/containers.md"},
        "kubernetes": {"infrastructure/worker-values.yaml", *_of_a_cluster("kubernetes_job")},
        "ecs": {"infrastructure/worker-task-definition.json", *_of_a_cluster("ecs_task")},
    }[options.work_pool_type]
    if options.result_storage != "local":
        files |= {f"{TOOLS}/storages/{options.result_storage}.py"}
    if options.ci == "github":
        files |= {".github/workflows/ci.yml"}
    if options.license != "none":
        files |= {"LICENSE"}
    if options.work_pool_type in CLUSTERS:
        return files | {"requirements-uv.txt"}
    if options.prefect_api == "self-hosted" and options.work_pool_type == "process":
        files |= {"inventory/group_vars/prefect_server.yml"}
    return files | {"ansible.cfg", *OF_LAPTOPS} | INVENTORY | verbatim_files("ansible")


def _of_a_cluster(subject: str) -> set[str]:
    return {f"tests/test_{subject}.py", f"{TOOLS}/{subject}.py", f"{TOOLS}/resolved.py"}


def files_below(folder: Path) -> set[str]:
    """List every file below a folder, and every empty folder, so that none goes unseen."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir() or not any(path.iterdir())
    }
