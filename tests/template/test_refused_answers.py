"""An answer that would give a broken project is refused in one sentence, and leaves nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.template.options import CLUSTERS, TEMPLATE

NAME = "it must be a distribution name"
POOL = "it must be letters, digits, spaces, dots, dashes and underscores"
REFUSED = [
    ("project_slug", "Shop-Reports", NAME),
    ("project_slug", "shop_reports", NAME),
    ("project_slug", "shop reports", NAME),
    ("project_slug", " shop-reports", NAME),
    ("project_slug", "shop--reports", NAME),
    ("project_slug", "-shop", NAME),
    ("project_slug", "shop-", NAME),
    ("project_slug", "2shop", NAME),
    ("project_slug", "shöp", NAME),
    ("project_slug", "報告", NAME),
    ("project_slug", "shop.reports", NAME),
    ("project_slug", "../shop", NAME),
    ("project_slug", "shop/reports", NAME),
    ("project_slug", "/shop/reports", NAME),
    ("project_slug", "..", NAME),
    ("project_slug", "", "it must not be empty"),
    ("project_slug", "shop\\reports", NAME),
    ("project_slug", '"; import os; "', NAME),
    ("project_slug", "$(touch pwned)", NAME),
    ("project_slug", "shop\nreports", "it contains the control character U+000A"),
    ("project_slug", "shop\x1b[2J", "it contains the control character U+001B"),
    ("project_slug", "a" * 65, "it must not be longer than 64 characters"),
    ("project_slug", "a" * 300, "it must not be longer than 64 characters"),
    ("project_slug", "class", "a Python keyword"),
    ("project_slug", "email", "a module of Python's standard library"),
    ("project_slug", "distutils", "a module of Python's standard library"),
    ("project_slug", "tomllib", "a module of Python's standard library"),
    ("project_slug", "prefect", "a dependency of the project"),
    ("project_slug", "prefect-aws", "a dependency of the project"),
    ("project_slug", "pydantic-core", "a dependency of the project"),
    ("project_slug", "pyyaml", "a dependency of the project"),
    ("project_slug", "tests", "a folder of the project"),
    ("project_slug", "tools", "a folder of the project"),
    ("project_slug", "prefect-durable", "a folder of the project"),
    ("project_name", "   ", "it must not be empty"),
    ("project_name", "Shop\x00Reports", "it contains the control character U+0000"),
    ("description", "a bell \x07", "it contains the control character U+0007"),
    ("description", "the other half \x85", "it contains the control character U+0085"),
    ("description", "half a pair \ud83d", "it contains the control character U+D83D"),
    ("description", "no character \uffff", "it contains the control character U+FFFF"),
    ("author", "", "it must not be empty"),
    ("author", "Ann{{ '\\r' }}Requires-Dist: evil", "it contains the control character U+000D"),
    ("work_pool_name", "prefect-pool", "Prefect reserves names that begin with 'prefect'"),
    ("work_pool_name", "Prefect", "Prefect reserves names that begin with 'prefect'"),
    ("work_pool_name", "team/pool", POOL),
    ("work_pool_name", "50%", POOL),
    ("work_pool_name", "a&b", POOL),
    ("work_pool_name", "<pool>", POOL),
    ("work_pool_name", '"pool"', POOL),
    ("work_pool_name", "$HOME", POOL),
    ("work_pool_name", "a {{'{{'}} b }}", POOL),
    ("work_pool_name", " pool", POOL),
    ("work_pool_name", "--pool", POOL),
    ("work_pool_name", "po\tol", "it contains the control character U+0009"),
    ("work_pool_name", "p" * 65, "it must not be longer than 64 characters"),
]


@pytest.mark.parametrize(("question", "answer", "rule"), REFUSED)
def test_it_is_refused_in_one_sentence(
    cookies: Any, tmp_path: Path, question: str, answer: str, rule: str
) -> None:
    result = cookies.bake(extra_context={question: answer})
    assert isinstance(result.exception, SystemExit)
    sentence = str(result.exception)
    assert sentence.startswith(f"{question} ")
    assert rule in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert list(tmp_path.glob("cookies/*/*")) == []


@pytest.mark.parametrize("pool", CLUSTERS)
def test_a_cluster_whose_results_would_be_lost_is_refused(
    cookies: Any, tmp_path: Path, pool: str
) -> None:
    result = cookies.bake(extra_context={"work_pool_type": pool, "result_storage": "local"})
    assert str(result.exception) == (
        f"result_storage 'local' is refused: the runs of a pool of type {pool} share no folder,"
        " so it must be one of s3, azure, gcs."
    )
    assert list(tmp_path.glob("cookies/*/*")) == []


@pytest.mark.parametrize("question", ["prefect_api", "result_storage", "work_pool_type", "ci"])
def test_a_choice_that_is_none_is_refused(cookies: Any, tmp_path: Path, question: str) -> None:
    result = cookies.bake(extra_context={question: "banana"})
    assert isinstance(result.exception, ValueError)
    assert "banana" in str(result.exception)
    assert not list((tmp_path / "cookies").rglob("*/*"))


def test_the_command_exits_non_zero_with_the_sentence_alone_on_stderr(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--output-dir", str(tmp_path)]
    run = subprocess.run(
        [*command, str(TEMPLATE), "project_slug=email"], capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert run.stderr == (
        "project_slug 'email' is refused: its package 'email' would be a module of Python's"
        " standard library; add a second word.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_what_is_typed_is_refused_before_the_next_question(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "cookiecutter", "--output-dir", str(tmp_path), str(TEMPLATE)],
        input="Shop Reports\n../shop\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "What it is for" not in run.stdout
    assert run.stderr.startswith("project_slug '../shop' is refused: ")
    assert run.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_it_is_refused_where_hooks_are_not_accepted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--accept-hooks", "no"]
    run = subprocess.run(
        [*command, "--output-dir", str(tmp_path), str(TEMPLATE), "project_slug=../shop"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert list(tmp_path.iterdir()) == []
