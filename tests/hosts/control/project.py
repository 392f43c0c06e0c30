"""A generated project, and the packages that it pins."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.hosts.machines.lab import BUILD
from tests.hosts.machines.shell import run
from tests.locks import locked

TEMPLATE = Path(__file__).resolve().parents[3]
SLUG = "shop-reports"
TOOLS = Path(sys.executable).parent


Machines = Mapping[str, Mapping[str, Any]]


class Project:
    """A project on the control side."""

    def __init__(self, folder: Path) -> None:
        """The project in `folder`."""
        self.folder = folder
        self.slug = SLUG
        self.package = folder / "src" / SLUG.replace("-", "_")

    def copy(self, name: str) -> Project:
        """A project of the same name, to be changed."""
        folder = self.folder.parent.parent / name / self.folder.name
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder)

    def change(self, path: str, text: str) -> None:
        """Write a file of the project."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def append(self, path: str, text: str) -> None:
        """Add to the end of a file of the project."""
        self.change(path, (self.folder / path).read_text() + text)

    def require(self, packages: list[str]) -> None:
        """Add dependencies, which are to be locked."""
        head = "dependencies = [\n"
        more = "".join(f"    {json.dumps(package)},\n" for package in packages)
        asked = (self.folder / "pyproject.toml").read_text()
        self.change("pyproject.toml", asked.replace(head, head + more, 1))

    def inventory(
        self,
        hosts: Machines,
        group: str = "prefect_workers",
        more: Mapping[str, Machines] | None = None,
    ) -> None:
        """Put these machines, with their variables, in place of the rendered ones."""
        groups = {
            name: {"hosts": {host: dict(variables) for host, variables in members.items()}}
            for name, members in {group: hosts, **(more or {})}.items()
        }
        # A rollout goes by this order.
        self.change("inventory/hosts.yml", yaml.safe_dump(groups, sort_keys=False))


def generate(folder: Path) -> Project:
    """Generate a project from the template with its default answers."""
    run([TOOLS / "cookiecutter", "--no-input", "--output-dir", folder, TEMPLATE])
    return Project(folder / SLUG)


def installed(project: Project) -> Path:
    """The folder of programs of what the project pins, installed once per set of pins."""
    pins = project.folder / "requirements.txt"
    key = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:12]
    venv = BUILD / "pins" / key
    ready = venv / "ready"
    with locked(BUILD / "pins" / f"{key}.lock"):
        if not ready.exists():
            _install(pins, venv)
            ready.touch()
    return venv / "bin"


def _install(pins: Path, venv: Path) -> None:
    uv = TOOLS / "uv"
    run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, venv])
    python = venv / "bin/python"
    run([uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", pins])
