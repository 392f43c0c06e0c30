"""The pins are what the generated project asks for, and nothing else decides what is installed."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.template.conftest import Bake
from tests.template.options import POOLS_AND_STORAGES, TEMPLATE
from tests.template.trees import git, run

UV_PIN = TEMPLATE / "ansible" / "roles" / "prefect_worker" / "files" / "uv.txt"
REQUIREMENTS = sorted(TEMPLATE.glob("templates/requirements/*.txt"))
FITNESS = UV_PIN.parents[1] / "module_utils" / "prefect_worker_fitness.py"
SERVER_PINS = TEMPLATE / "ansible/roles/prefect_server/files/requirements.txt"
PINS = [UV_PIN, TEMPLATE / "requirements.txt", SERVER_PINS, *REQUIREMENTS]
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
    refused = set((TEMPLATE / "templates/taken_names.txt").read_text(encoding="utf-8").split())
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


def test_everything_asks_for_the_oldest_python_of_requires_python(bake: Bake) -> None:
    project = bake(ci="github")
    ours, theirs = (
        tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        for folder in (TEMPLATE, project)
    )
    oldest = ours["project"]["requires-python"].removeprefix(">=")
    assert theirs["project"]["requires-python"] == f">={oldest}"
    assert theirs["tool"]["mypy"]["python_version"] == oldest
    workflow = project / ".github" / "workflows" / "ci.yml"
    matrix = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]["check"]["strategy"]
    assert matrix["matrix"]["python"][0] == oldest
    constant = f"OLDEST_PYTHON = ({oldest.replace('.', ', ')})\n"
    assert constant in FITNESS.read_text(encoding="utf-8")
    # The changelog tells of what was before.
    texts = ("*.md", "*.yml", "{{*", ":!CHANGELOG.md")
    told = git(TEMPLATE, "grep", "-hoE", r"Python[^.]* 3\.[0-9]+ or newer", "--", *texts)
    # Ansible's modules run on the machine's own Python.
    modules = ours["tool"]["ruff"]["per-file-target-version"].values()
    for_modules = {target.replace("py3", "3.") for target in modules}
    assert set(re.findall(r"\d\.\d+", told)) == {oldest, *for_modules}


def test_the_tools_have_the_versions_of_projects() -> None:
    tools = pinned(TEMPLATE / "requirements.txt")
    for name in ("process-local", "dev"):
        pins = pinned(TEMPLATE / "templates" / "requirements" / f"{name}.txt")
        shared = tools.keys() & pins.keys()
        assert {key: tools[key] for key in shared} == {key: pins[key] for key in shared}
        assert name == "dev" or "prefect" in shared


def test_the_server_has_the_versions_of_projects() -> None:
    server = pinned(SERVER_PINS)
    project = pinned(TEMPLATE / "templates" / "requirements" / "process-local.txt")
    assert {"asyncpg", "prefect", "redis"} <= server.keys()
    assert {name for name in server if server[name] != project.get(name)} == {"prefect-redis"}


def test_upgrade_names_the_prefect_that_it_leaves_and_lock_moves_it(bake: Bake) -> None:
    project = bake()
    # Where many have their projects.
    project = project.rename(project.with_name("My Projects"))
    pyproject = project / "pyproject.toml"
    asked = pyproject.read_text(encoding="utf-8")
    pyproject.write_text(re.sub('"prefect==.*"', '"prefect==3.8.8"', asked), encoding="utf-8")
    (project / ".venv/bin").mkdir(parents=True)
    (project / ".venv/bin/uv").symlink_to(Path(sys.executable).with_name("uv"))
    make = ("make", "--old-file", "install")

    said = run(*make, "upgrade", cwd=project).stdout
    assert pinned(project / "requirements.txt")["prefect"] == {"3.8.8"}
    told = r"^prefect 3\.8\.8 is pinned, (\S+) exists: make lock PREFECT=\1$"
    newest = re.search(told, said, re.MULTILINE)
    assert newest, said

    locked = [pyproject, *project.glob("requirements*.txt")]
    before = [path.read_bytes() for path in locked]
    refused = run(*make, "lock", "PREFECT=3.8.999", cwd=project, check=False)
    assert refused.returncode != 0
    assert "no version of prefect==3.8.999" in refused.stderr
    assert [path.read_bytes() for path in locked] == before

    run(*make, "lock", f"PREFECT={newest[1]}", cwd=project)
    assert pinned(project / "requirements.txt")["prefect"] == {newest[1]}
    assert f'"prefect=={newest[1]}"' in pyproject.read_text(encoding="utf-8")
    assert run(*make, "--silent", "held-back", cwd=project).stdout == ""


def test_every_workflow_has_the_same_versions_of_actions(bake: Bake) -> None:
    files = [*TEMPLATE.glob(".github/workflows/*"), *bake().glob(".github/workflows/*")]
    used = [set(re.findall(r"uses: (\S+)", file.read_text(encoding="utf-8"))) for file in files]
    assert len(used) == 2
    assert used[0] == used[1]


def test_a_python_that_is_too_old_is_refused_in_one_sentence(bake: Bake, tmp_path: Path) -> None:
    old = tmp_path / "python3.10"
    version = 'import sys; sys.version_info = (3, 10, 4); sys.version = "3.10.4 (main)"'
    program = f"{version}; exec(sys.argv.pop(1))"
    old.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{program}' \"$2\" $3\n")
    old.chmod(0o755)
    project = bake()
    refused = run("make", "install", f"PYTHON={old}", cwd=project, check=False)
    first = refused.stderr.splitlines()[0]
    assert first == (
        f"{old} is Python 3.10.4, and 3.11 or newer is needed: make install PYTHON=python3.11"
    )
    assert not (project / ".venv").exists()
