"""The template's options, every combination of them, and what each is expected to generate."""

from __future__ import annotations

import subprocess
from itertools import product
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
    "resume_from_failure",
)


class Options(NamedTuple):
    """One answer to each question with choices."""

    prefect_api: str
    result_storage: str
    work_pool_type: str
    ci: str

    def __str__(self) -> str:
        """Name a test after the options."""
        return "-".join(self)

    @property
    def answers(self) -> dict[str, str]:
        """What cookiecutter is given."""
        return self._asdict()


COMBINATIONS = [
    Options(*chosen)
    for chosen in product(
        ("self-hosted", "cloud"),
        ("local", "s3", "azure", "gcs"),
        ("process", "docker"),
        ("github", "none"),
    )
]


def ansible_files() -> set[str]:
    """List what git has in ansible/."""
    listed = subprocess.run(
        ["git", "ls-files", "ansible"], cwd=TEMPLATE, capture_output=True, text=True, check=True
    )
    return set(listed.stdout.split())


def expected_files(options: Options) -> set[str]:
    """List every file that a project with these options consists of."""
    package = f"src/{PACKAGE}"
    files = {
        ".env.example",
        ".gitignore",
        "Makefile",
        "README.md",
        "infrastructure/base_job_template.json",
        "prefect.toml",
        "prefect.yaml",
        "pyproject.toml",
        "requirements-dev.txt",
        "requirements.txt",
        f"{package}/__init__.py",
        f"{package}/batches.py",
        f"{package}/bootstrap.py",
        f"{package}/every_call.py",
        f"{package}/flows/__init__.py",
        f"{package}/outcomes.py",
        f"{package}/results.py",
        f"{package}/server.py",
        f"{package}/settings.py",
        f"{package}/storage.py",
        *(f"{package}/flows/{flow}.py" for flow in FLOWS),
        "tests/__init__.py",
        "tests/conftest.py",
        "tests/runs.py",
        "tests/test_every_call.py",
        "tests/test_imports.py",
        "tests/test_outcomes.py",
        "tests/test_results.py",
        *(f"tests/test_{flow}.py" for flow in FLOWS),
    }
    if options.work_pool_type == "docker":
        files |= {".dockerignore", "Dockerfile"}
    if options.ci == "github":
        files |= {".github/workflows/ci.yml"}
    return files | ansible_files()


def files_below(folder: Path) -> set[str]:
    """List every file below a folder, and every empty folder, so that none goes unseen."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir() or not any(path.iterdir())
    }
