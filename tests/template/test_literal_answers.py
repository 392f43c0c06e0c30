"""Free text and names arrive as they were given, whatever reads the file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.template.conftest import Bake
from tests.template.options import TEMPLATE

HOSTILE = {
    "double quotes": 'a "quoted" word, and """three"""',
    "single quotes": "it's '''three''' of them",
    "backslashes": r"C:\new\table \u0041 \N{BEL} \\",
    "a backslash at the end": "over\\",
    "braces": "{ {0} } }} %s %(x)s",
    "a shell's words": "`id` $(id) ${HOME} $HOME !! ; rm -rf ~ | tee & > x",
    "YAML's words": "- a: b # c &d *e !f |g >h @i",
    "a YAML boolean": "yes",
    "a number": "1.0",
    "a TOML table": '[table] # "x" = 1',
    "Markdown": "# *a* _b_ [c](d) <e> `f` ~~g~~ | h | ![i](j) &amp; $k$ \\* 1. l",
    "HTML": "<script>alert(1)</script> <!-- -->",
    "accents": "Überblick für Łódź, São Paulo, Ñandú",
    "other scripts": "日本語 العربية Ελληνικά кириллица ไทย",
    "emoji": "🐚 👩‍🔬 🇺🇳",
    "combining characters": "e\u0301 a\u030a",
    "a right-to-left mark": "abc \u202e cba",
    "spaces around": "  spaces  around  ",
    "a tab": "a\tb",
    "line separators": "a\u2028b\u2029c",
    "a long line": "word " * 200 + "end",
    "an injection": '"\nimport os; os.system("touch pwned")\n"',
    "hook quotes": '""" + __import__("os").getcwd() + r"""',
    "newlines": "one\ntwo\n\nfour",
    "a list": "shops:\n- one\n- two\n\n    code\n===\n1. first",
}
# As cookiecutter renders what it is given on the command line, they are given as it wants them.
EXPRESSIONS = {
    "an expression": "{{ 7 * 7 }}",
    "a statement": "{% if x %}",
    "a comment": "{# gone? #}",
    "raw": "{% raw %}",
}


@dataclass(frozen=True)
class Written:
    """A text, and what a project has of it."""

    text: str
    pyproject: str
    readme: list[str]


def given(text: str) -> str:
    """Return what to give cookiecutter so that it gives the template this text."""
    return re.sub(r"\{[{%#]", lambda match: "{{ '" + match[0] + "' }}", text)


def plain(tokens: list[Token] | None) -> str:
    """Return the text that a reader of the Markdown sees."""
    return "".join("\n" if t.type == "softbreak" else t.content for t in tokens or [])


def paragraphs(markdown: str) -> list[str]:
    """Return the text of each block of a Markdown document."""
    tokens = MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(markdown)
    return [plain(token.children) for token in tokens if token.type == "inline"]


def pools(project: Path) -> set[str]:
    """Return the work pools of the project's deployments."""
    deployments = yaml.safe_load((project / "prefect.yaml").read_text("utf-8"))["deployments"]
    return {deployment["work_pool"]["name"] for deployment in deployments}


def inventory(project: Path) -> dict[str, object]:
    """Return what the playbook is told about the project."""
    variables = project / "inventory" / "group_vars" / "prefect_workers.yml"
    told: dict[str, object] = yaml.safe_load(variables.read_text("utf-8"))
    return told


@pytest.fixture(scope="module", params=[*HOSTILE, *EXPRESSIONS])
def written(cookies_session: Any, request: pytest.FixtureRequest) -> Written:
    """Generate a project with a text in every answer that takes any."""
    text = {**HOSTILE, **EXPRESSIONS}[request.param]
    answers = dict.fromkeys(("project_name", "description", "author"), given(text))
    result = cookies_session.bake(extra_context={**answers, "project_slug": "shop-reports"})
    assert result.exception is None
    project = Path(result.project_path)
    pyproject = (project / "pyproject.toml").read_text(encoding="utf-8")
    return Written(text, pyproject, paragraphs((project / "README.md").read_text("utf-8")))


def test_a_description_arrives(written: Written) -> None:
    # A package's summary is one line by definition.
    summary = written.text.replace("\n", " ")
    assert tomllib.loads(written.pyproject)["project"]["description"] == summary
    assert f"shop-reports: {written.text}" in written.readme


def test_a_project_name_arrives_in_the_title(written: Written) -> None:
    assert written.readme[0] == written.text


def test_an_author_arrives_in_every_language(written: Written) -> None:
    assert tomllib.loads(written.pyproject)["project"]["authors"] == [{"name": written.text}]
    literal = re.search(r"^authors = \[\{ name = (.*) \}\]$", written.pyproject, re.MULTILINE)
    assert literal
    assert yaml.safe_load(literal[1]) == written.text
    assert ast.literal_eval(literal[1]) == written.text
    assert f"Maintained by {written.text}." in written.readme


@pytest.mark.parametrize(
    "name", ["yes", "1.0", "null", "0o17", "2026-11-23", "Küche 1", "пул", "倉庫", "a - b", "a.b_c"]
)
def test_a_work_pool_name_arrives_as_text(bake: Bake, name: str) -> None:
    project = bake(work_pool_name=name)
    assert pools(project) == {name}
    assert inventory(project)["prefect_worker_pool"] == name
    readme = paragraphs((project / "README.md").read_text("utf-8"))
    assert any(f"of the pool {name}." in paragraph for paragraph in readme)


@pytest.mark.parametrize("slug", ["null", "true", "yes", "on", "e1", "x" * 64])
def test_a_slug_arrives_as_text(bake: Bake, slug: str) -> None:
    project = bake(project_slug=slug)
    assert project.name == slug
    assert yaml.safe_load((project / "prefect.yaml").read_text("utf-8"))["name"] == slug
    assert inventory(project)["prefect_worker_project"] == slug


@pytest.mark.parametrize(
    ("project_name", "slug", "pool"),
    [
        ("Shop Reports", "shop-reports", "shop-reports"),
        ("  Überblick für Łódź! ", "uberblick-fur-lodz", "uberblick-fur-lodz"),
        ("日本語", "ri-ben-yu", "ri-ben-yu"),
        ("Отчёты", "otchety", "otchety"),
        ("2026 in numbers", "flows-2026-in-numbers", "flows-2026-in-numbers"),
        ("🐚", "flows", "flows"),
        ("Prefect at work", "prefect-at-work", "pool-prefect-at-work"),
        (
            "Prefect " * 9,
            "prefect-prefect-prefect-prefect-prefect-prefect",
            "pool-prefect-prefect-prefect-prefect-prefect-prefect",
        ),
        ("word " * 40, "word-word-word-word-word-word-word-word-word-word", None),
    ],
)
def test_the_names_that_follow_from_a_project_name_are_valid(
    bake: Bake, project_name: str, slug: str, pool: str | None
) -> None:
    project = bake(project_name=project_name)
    assert project.name == slug
    assert pools(project) == {pool or slug}


def test_what_is_typed_at_a_prompt_arrives(tmp_path: Path) -> None:
    typed = "{{ 7 * 7 }} {% raw %} ${HOME} \"'\\"
    answers = ["", "", typed, typed, "", "", "", "", "", ""]
    subprocess.run(
        [sys.executable, "-m", "cookiecutter", "--output-dir", str(tmp_path), str(TEMPLATE)],
        input="\n".join(answers) + "\n",
        text=True,
        check=True,
        capture_output=True,
    )
    metadata = tomllib.loads((tmp_path / "shop-reports" / "pyproject.toml").read_text("utf-8"))
    assert metadata["project"]["description"] == typed
    assert metadata["project"]["authors"] == [{"name": typed}]


def test_every_question_has_a_prompt_and_every_choice_a_label(cookies: Any) -> None:
    questions: dict[str, Any] = yaml.safe_load((TEMPLATE / "cookiecutter.json").read_text("utf-8"))
    asked = {name: value for name, value in questions.items() if not name.startswith("_")}
    assert len(asked) <= 10
    for name, value in asked.items():
        prompt = questions["__prompts__"][name]
        if isinstance(value, list):
            assert set(prompt) == {"__prompt__", *value}
        else:
            assert isinstance(prompt, str)
