"""The pins are what the generated project asks for, and nothing else decides what is installed."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.template.conftest import Bake
from tests.template.options import POOLS_AND_STORAGES, TEMPLATE
from tests.template.trees import run

UV_PIN = TEMPLATE / "ansible" / "roles" / "prefect_worker" / "files" / "uv.txt"
REQUIREMENTS = sorted(TEMPLATE.glob("templates/requirements/*.txt"))
PINS = [UV_PIN, TEMPLATE / "requirements.txt", *REQUIREMENTS]
# Folders beside the modules of an installation.
NO_MODULES = {"bin", "include"}
HASHED = re.compile(r"[\w.-]+==\S+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n")


def pinned(path: Path) -> dict[str, set[str]]:
    """Return each pinned package's versions; which of several counts depends on the machine."""
    versions: dict[str, set[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        found = re.match(r"([\w.-]+)==(\S+)", line)
        if found:
            versions.setdefault(canonicalize_name(found[1]), set()).add(found[2])
    return versions


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.name)
def test_it_is_nothing_but_versions_with_hashes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.sub(r"^#.*\n", "", HASHED.sub("", text), flags=re.MULTILINE) == ""


def test_uv_is_the_same_with_and_without_the_playbook() -> None:
    shared = TEMPLATE / "templates" / "requirements" / "uv.txt"
    assert shared.read_bytes() == UV_PIN.read_bytes()


@pytest.mark.parametrize(("pool", "storage"), POOLS_AND_STORAGES)
def test_they_satisfy_the_project_they_are_for(bake: Bake, pool: str, storage: str) -> None:
    project = bake(work_pool_type=pool, result_storage=storage)
    asked = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    runtime, dev = pinned(project / "requirements.txt"), pinned(project / "requirements-dev.txt")
    for pins, requirements in (
        (runtime, asked["project"]["dependencies"]),
        (dev, asked["dependency-groups"]["dev"]),
    ):
        for requirement in map(Requirement, requirements):
            for version in pins[canonicalize_name(requirement.name)]:
                assert version in requirement.specifier
    shared = runtime.keys() & dev.keys()
    assert {name: runtime[name] for name in shared} == {name: dev[name] for name in shared}


def test_every_dependency_is_a_name_that_a_project_may_not_have(tmp_path: Path) -> None:
    hook = (TEMPLATE / "hooks" / "pre_gen_project.py").read_text(encoding="utf-8")
    named = re.search(r'^DEPENDENCIES = """(.*?)"""', hook, re.MULTILINE | re.DOTALL)
    refused = set(named[1].split()) if named else set()
    installed: set[str] = set()
    for path in [UV_PIN, *REQUIREMENTS]:
        installed |= {name.replace("-", "_") for name in pinned(path)}
    for name in ("docker-s3", "docker-azure", "docker-gcs", "kubernetes-s3", "dev"):
        pins = TEMPLATE / "templates" / "requirements" / f"{name}.txt"
        target = tmp_path / name
        uv = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps")
        run(*uv, "--require-hashes", "--target", target, "--requirement", pins, cwd=tmp_path)
        installed |= {path.stem for path in target.iterdir() if path.suffix in ("", ".py")}
    possible = {name for name in installed if re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)}
    assert possible - refused - NO_MODULES == set()
