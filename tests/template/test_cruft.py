"""cruft makes the same project as cookiecutter, and carries the template's changes into it."""

from __future__ import annotations

import re
import sys
import textwrap
import tomllib
from pathlib import Path

import prefect_durable
import pytest

from tests.template.options import COMBINATIONS, SLUG, TEMPLATE, Options
from tests.template.trees import (
    Tree,
    commit,
    cookiecutter,
    cruft,
    git,
    make_repository,
    run,
    tool,
    tree,
)

pytestmark = pytest.mark.slow

CHANGELOG = (TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8")
OLD_FLOW = '''"""A flow of the owner's."""

from shop_reports.outcomes import Run, settle
from shop_reports.results import flow, task


@task
def double(number: int) -> int:
    """Return twice the number."""
    return 2 * number


@flow
def mine() -> list[Run]:
    """Double two numbers."""
    return settle([double.submit(1), double.submit(1)])
'''
NEW_IMPORTS = "from prefect_durable import Run, flow, settle, task\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository of the template, for one test to change."""
    return make_repository(tmp_path / "template")


@pytest.mark.parametrize("options", [COMBINATIONS[0], COMBINATIONS[-1]], ids=str)
def test_create_equals_cookiecutter(repository: Path, tmp_path: Path, options: Options) -> None:
    (tmp_path / "cruft").mkdir()
    (tmp_path / "cookiecutter").mkdir()
    answers = [f"{name}={value}" for name, value in options.answers.items()]
    made = cookiecutter(repository, *answers, "--no-input", cwd=tmp_path / "cookiecutter")
    context = str(options.answers).replace("'", '"')
    cruft("create", repository, "--no-input", "--extra-context", context, cwd=tmp_path / "cruft")
    assert tree(tmp_path / "cruft" / SLUG) == tree(made)


def test_update_adds_edits_and_removes(repository: Path, tmp_path: Path) -> None:
    template = repository / "{{cookiecutter.project_slug}}"
    for folder in (template, template / "ansible"):
        (folder / "edited.txt").write_text("as it was\n", encoding="utf-8")
        (folder / "removed.txt").write_text("soon gone\n", encoding="utf-8")
    commit(repository)
    cruft("create", repository, "--no-input", cwd=tmp_path)
    project = tmp_path / SLUG
    commit(project)

    for folder in (template, template / "ansible"):
        (folder / "added.txt").write_text("new\n", encoding="utf-8")
        (folder / "edited.txt").write_text("as it is\n", encoding="utf-8")
        (folder / "removed.txt").unlink()
    commit(repository)
    cruft("update", "--skip-apply-ask", cwd=project)

    (tmp_path / "fresh").mkdir()
    fresh = tree(cookiecutter(repository, "--no-input", cwd=tmp_path / "fresh"))
    assert fresh["ansible/edited.txt"][1] == b"as it is\n"
    assert tree(project) == fresh
    cruft("check", cwd=project)


def test_update_keeps_what_the_owner_changed(repository: Path, tmp_path: Path) -> None:
    cruft("create", repository, "--no-input", cwd=tmp_path)
    project = tmp_path / SLUG
    mine = project / "src" / "shop_reports" / "flows" / "mine.py"
    mine.write_text("# mine\n", encoding="utf-8")
    with (project / ".gitignore").open("a", encoding="utf-8") as ignored:
        ignored.write("mine/\n")
    commit(project)
    (repository / "ansible" / "added.txt").write_text("new\n", encoding="utf-8")
    commit(repository)
    cruft("update", "--skip-apply-ask", cwd=project)
    assert (project / "ansible" / "added.txt").read_text(encoding="utf-8") == "new\n"
    assert mine.read_text(encoding="utf-8") == "# mine\n"
    assert (project / ".gitignore").read_text(encoding="utf-8").endswith("mine/\n")


def test_update_quotes_and_checks_answers_by_the_newer_template(
    repository: Path, tmp_path: Path
) -> None:
    readme, extension = (
        repository / "{{cookiecutter.project_slug}}" / "README.md",
        repository / "answers.py",
    )
    commit(repository)
    cruft("create", repository, "--no-input", cwd=tmp_path)
    project = tmp_path / SLUG
    commit(project)
    _edit(extension, "checked=checked,", "checked=checked, loud=str.upper,")
    readme.write_text("{{ cookiecutter.author | loud }}\n", encoding="utf-8")
    commit(repository)
    cruft("update", "--skip-apply-ask", cwd=project)
    assert (project / "README.md").read_text(encoding="utf-8") == "DATA TEAM\n"


def test_a_refused_answer_is_one_sentence_of_cruft_too(repository: Path, tmp_path: Path) -> None:
    context = '{"project_slug": "../evil"}'
    command = (*tool("cruft"), "create", repository, "--no-input", "--extra-context", context)
    stopped = run(*command, cwd=tmp_path, check=False)
    assert stopped.returncode != 0
    assert stopped.stderr.startswith("project_slug '../evil' is refused: ")
    assert stopped.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["template"]


def test_a_project_knows_the_version_that_the_changelog_describes(tmp_path: Path) -> None:
    project = cookiecutter(TEMPLATE, "--no-input", cwd=tmp_path)
    theirs, ours = (
        tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        for folder in (project, TEMPLATE)
    )
    newest = re.search(r"^## (\S+)$", CHANGELOG, re.MULTILINE)
    assert newest
    assert theirs["tool"]["cookiecutter-prefect-vm"]["version"] == newest[1]
    assert ours["project"]["version"] == newest[1]
    assert prefect_durable.__version__ == newest[1]


EDIT = ("best_seller.submit(", "best_seller.with_options(retries=1).submit(")


def test_an_edited_older_project_moves_over_by_the_steps_of_the_changelog(
    tmp_path: Path,
) -> None:
    before = _last_commit_with("prefect==3.8.8")
    repository = tmp_path / "template"
    git(tmp_path, "clone", "--quiet", "--no-checkout", TEMPLATE, repository)
    make_repository(repository)
    cruft("create", repository, "--no-input", "--checkout", before, cwd=tmp_path)
    project = tmp_path / SLUG
    # As owners do, before they edit: git merges what it knows.
    commit(project)
    flows = project / "src" / "shop_reports" / "flows"
    (flows / "mine.py").write_text(OLD_FLOW, encoding="utf-8")
    _edit(flows / "passing_data.py", *EDIT)
    commit(project)

    now = git(repository, "rev-parse", "HEAD").strip()
    cruft("update", "--skip-apply-ask", "--checkout", now, cwd=project)
    run("sh", "-ec", _commands("perl"), cwd=project)
    run(sys.executable, "-m", "ruff", "check", "--fix", "--quiet", "src", "tests", cwd=project)

    (tmp_path / "fresh").mkdir()
    fresh = cookiecutter(repository, "--no-input", cwd=tmp_path / "fresh")
    edited = fresh / "src" / "shop_reports" / "flows"
    _edit(edited / "passing_data.py", *EDIT)
    imports = re.sub(r"(from shop_reports.*\n)+", NEW_IMPORTS, OLD_FLOW)
    (edited / "mine.py").write_text(imports, encoding="utf-8")
    assert _without_caches(project) == _without_caches(fresh)
    run(sys.executable, "-c", "import shop_reports.flows.mine", cwd=project / "src")


def _last_commit_with(words: str) -> str:
    """Return the commit before a pin went away from the template."""
    # The folder's name of then.
    pyproject = "{{cookiecutter.__folder}}/pyproject.toml"
    went = git(TEMPLATE, "log", "-1", "--format=%H", f"-S{words}", "--", pyproject).strip()
    assert went, "this clone has no history: fetch all of it"
    return f"{went}^"


def _commands(word: str) -> str:
    """Return the commands of the changelog among which a word is."""
    blocks = re.findall(r"^ *```\n(.*?)^ *```$", CHANGELOG, re.MULTILINE | re.DOTALL)
    return textwrap.dedent(next(block for block in blocks if word in block))


def _edit(path: Path, old: str, new: str) -> None:
    """Replace words of a file, which has to have them."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _without_caches(folder: Path) -> Tree:
    """Return a project's files without what tools leave beside them."""
    caches = (".ruff_cache", "__pycache__")
    return {
        name: what for name, what in tree(folder).items() if not set(Path(name).parts) & set(caches)
    }
