"""What documents name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.template.options import TEMPLATE

LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)[^)]*\)")


@pytest.mark.parametrize(
    ("document", "layer", "least"), [("results.md", "durable", 20), ("server.md", "server", 10)]
)
def test_claims_name_tests_that_exist(document: str, layer: str, least: int) -> None:
    claims = (TEMPLATE / "docs" / document).read_text("utf-8")
    named = re.findall(r"`(test_\w+)`", claims)
    code = "\n".join(file.read_text("utf-8") for file in (TEMPLATE / "tests" / layer).glob("*.py"))
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
