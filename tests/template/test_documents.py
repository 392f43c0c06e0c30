"""What documents name is there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.template.options import TEMPLATE

LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)[^)]*\)")


def test_rules_of_results_name_tests_that_exist() -> None:
    rules = (TEMPLATE / "docs/results.md").read_text("utf-8")
    named = re.findall(r"`(test_\w+)`", rules)
    code = "\n".join(file.read_text("utf-8") for file in (TEMPLATE / "tests/durable").glob("*.py"))
    assert len(named) > 20
    assert not [name for name in named if f"def {name}(" not in code]


def test_claims_of_the_server_name_tests_that_exist() -> None:
    claims = (TEMPLATE / "docs/server.md").read_text("utf-8")
    named = re.findall(r"`(test_\w+)`", claims)
    code = "\n".join(file.read_text("utf-8") for file in (TEMPLATE / "tests/server").glob("*.py"))
    assert len(named) > 10
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
