"""What documents name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.template.conftest import Bake
from tests.template.options import TEMPLATE

# What a row of a table shows to be seen.
SEEN = re.compile(r"^\|[^|`]*`([^`]+)`[^|]*\|", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)[^)]*\)")


@pytest.mark.parametrize(
    ("document", "layer", "least"),
    [("results.md", "durable", 20), ("server.md", "server", 10), ("security.md", "*", 20)],
)
def test_claims_name_tests_that_exist(document: str, layer: str, least: int) -> None:
    claims = (TEMPLATE / "docs" / document).read_text("utf-8")
    named = re.findall(r"`(test_\w+)`", claims)
    code = "\n".join(file.read_text("utf-8") for file in (TEMPLATE / "tests").glob(f"{layer}/*.py"))
    assert len(named) > least
    assert not [name for name in named if f"def {name}(" not in code]


def test_links_of_documents_lead_to_files() -> None:
    documents = [*TEMPLATE.glob("*.md"), *(TEMPLATE / "docs").glob("*.md")]
    missing = [
        (document.name, target)
        for document in documents
        for target in LINK.findall(document.read_text("utf-8"))
        if not _leads_to_a_file(document, target)
    ]
    assert not missing


def _leads_to_a_file(document: Path, target: str) -> bool:
    path = target.replace("%7B", "{").replace("%7D", "}")
    return (document.parent / path).exists()


@pytest.mark.parametrize("pool", ["process", "docker", "kubernetes", "ecs"])
def test_each_message_that_owners_are_told_of_is_in_a_test(bake: Bake, pool: str) -> None:
    project = bake(work_pool_type=pool, result_storage="s3")
    table = (project / "docs/operations.md").read_text("utf-8")
    messages = [text for text in SEEN.findall(table) if not text.startswith("make ")]
    parts = [part.strip(" .") for text in messages for part in text.split("…")]
    tests = [*(TEMPLATE / "tests").rglob("*.py"), *(project / "tests").glob("*.py")]
    code = "\n".join(file.read_text("utf-8") for file in tests)
    assert len(messages) >= 8
    assert not [part for part in parts if part not in code]


def test_links_of_a_projects_documents_lead_to_files(bake: Bake) -> None:
    project = bake()
    for document in [project / "README.md", *(project / "docs").glob("*.md")]:
        for target in LINK.findall(document.read_text("utf-8")):
            assert (document.parent / target).exists(), (document.name, target)


def test_what_git_calls_before_a_commit_is_the_projects_own(bake: Bake) -> None:
    project = bake()
    config = yaml.safe_load((project / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [source["repo"] for source in config["repos"]] == ["local"]
    (hook,) = config["repos"][0]["hooks"]
    assert (hook["entry"], hook["language"]) == ("make --silent lint", "system")
