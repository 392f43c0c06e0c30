"""Every combination of options gives the files it should, and nothing of the others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.template.conftest import Bake
from tests.template.options import (
    CLUSTERS,
    COMBINATIONS,
    DURABLE,
    TOOLS,
    Options,
    expected_files,
    files_below,
)

# Expressions of other tools that a generated file may contain.
EXPRESSIONS = {
    "prefect.yaml": re.compile(r"\{\{ (\$[A-Z_]+|built\.[a-z_]+) \}\}"),
    "infrastructure/base_job_template.json": re.compile(
        r"\{\{ [a-z_]+ \}\}|\{\{ ctx\.flow_run\.\w+ \}\}"
    ),
    "inventory/group_vars/prefect_workers.yml": re.compile(
        r"\{\{ (lookup\('[a-z.]+', '\w+'(, default=undef\(\))?\)|inventory_dir \| dirname) \}\}"
    ),
    "inventory/group_vars/prefect_server.yml": re.compile(
        r"\{\{ lookup\('[a-z.]+', '(\w+', default=undef\(\)|~/\.ssh/id_ed25519\.pub')\) \}\}"
    ),
    "Makefile": re.compile(r"\{\{\.(Repository|Tag)\}\}"),
    "README.md": re.compile(r"\{\{ built\.image \}\}"),
    "docs/alerts.md": re.compile(r"\{\{(subject|body| \$[A-Z_]+ )\}\}"),
    "docs/containers.md": re.compile(r"\{\{ built\.image \}\}|\{\{\.Endpoints\.docker\.Host\}\}"),
    "docs/result-storage.md": re.compile(r"\{\{ prefect\.blocks\.secret\.name \}\}"),
    ".github/workflows/ci.yml": re.compile(r"\$\{\{ matrix\.python \}\}"),
}

LONGEST_README = 150
# What only a project with that option may mention.
MARKS = {
    "cloud": r"cloud\.api|prefect\.cloud|Prefect Cloud|PREFECT_API_KEY",
    "s3": r"prefect[-_]aws|\bs3\b|\bAWS_|boto",
    "azure": r"prefect[-_]azure|azure",
    "gcs": r"prefect[-_]gcp|gcs|google.cloud|GOOGLE_|service.account",
    "docker": r"docker|\bimage\b|container",
    "kubernetes": r"kubernetes|kubectl|helm|\bpods?\b",
    "ecs": r"\becs\b|fargate",
    "github": r"\.github|GitHub Actions",
    "self-hosted": r"make server|upgrade the server",
    "MIT": r"\bMIT\b",
    "Apache-2.0": r"Apache",
    "machines": r"ansible|tools\.worker|make worker|inventory",
}
# Words of an option that others use as well: Azure's own for a bucket is container, and runs in a
# cluster have an image.
ALSO = {
    "azure": r"container",
    "kubernetes": r"docker|image|container|service.account",
    "ecs": r"docker|image|container|prefect[-_]aws|boto|AWS_",
}


class Project:
    """One generated project and the options it was generated with."""

    def __init__(self, path: Path, options: Options) -> None:
        """Remember both."""
        self.path = path
        self.options = options

    def texts(self) -> dict[str, str]:
        """Return what was rendered: all but what is verbatim, the pins and pictures."""
        return {
            name: (self.path / name).read_text(encoding="utf-8")
            for name in sorted(files_below(self.path))
            if not name.startswith(("ansible/", f"{DURABLE}/", f"{TOOLS}/", "requirements"))
            and not name.endswith(".png")
        }


@pytest.fixture(scope="module", params=COMBINATIONS, ids=str)
def project(request: pytest.FixtureRequest, cookies_session: Any) -> Project:
    """Generate a project for one combination."""
    result = cookies_session.bake(extra_context=request.param.answers)
    assert result.exception is None
    return Project(Path(result.project_path), request.param)


def test_it_consists_of_exactly_the_expected_files(project: Project) -> None:
    assert files_below(project.path) == expected_files(project.options)


def test_no_template_expression_survives(project: Project) -> None:
    for name, text in project.texts().items():
        allowed = EXPRESSIONS.get(name)
        rest = allowed.sub("", text) if allowed else text
        assert not re.search(r"\{\{|\{%|\{#|cookiecutter(?!-prefect-vm)", rest), name


def test_nothing_is_left_of_what_was_not_chosen(project: Project) -> None:
    chosen = {*project.options}
    if project.options.work_pool_type not in CLUSTERS:
        chosen.add("machines")
    unwanted = {mark: pattern for mark, pattern in MARKS.items() if mark not in chosen}
    also = "|".join(words for option, words in ALSO.items() if option in project.options)
    for name, text in project.texts().items():
        for mark, pattern in unwanted.items():
            found = set(re.findall(pattern, f"{name}\n{text}", re.IGNORECASE))
            found -= {word for word in found if re.fullmatch(also, word, re.IGNORECASE)}
            assert not found, f"{name} mentions {mark}"


def test_it_installs_the_integrations_it_needs_and_no_other(project: Project) -> None:
    wanted = {
        package
        for option, package in {
            "s3": "prefect-aws",
            "azure": "prefect-azure",
            "gcs": "prefect-gcp",
            "docker": "prefect-docker",
            "kubernetes": "prefect-kubernetes",
            "ecs": "prefect-aws",
        }.items()
        if option in project.options
    }
    if project.options.work_pool_type in CLUSTERS:
        wanted.add("prefect-docker")
    asked = (project.path / "pyproject.toml").read_text(encoding="utf-8")
    assert set(re.findall(r'"(prefect-\w+)', asked)) == wanted


@pytest.mark.parametrize("pool", ["docker", *CLUSTERS])
def test_what_the_image_is_made_of_is_there_and_not_ignored(bake: Bake, pool: str) -> None:
    project = bake(work_pool_type=pool, result_storage="s3")
    dockerfile = (project / "Dockerfile").read_text(encoding="utf-8")
    kept = (project / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    assert {"src", "requirements.txt"} < sources
    for source in sources:
        assert (project / source).exists(), source
        assert f"!{source}" in kept, source


def test_every_text_file_ends_with_one_newline(project: Project) -> None:
    for name, text in project.texts().items():
        assert not text or re.search(r"[^\n]\n\Z", text), name


def test_its_readme_is_short(project: Project) -> None:
    assert len(project.texts()["README.md"].splitlines()) <= LONGEST_README
