"""cruft makes the same project as cookiecutter, and carries the template's changes into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.template.options import COMBINATIONS, SLUG, Options
from tests.template.trees import commit, cookiecutter, cruft, make_repository, run, tool, tree


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
    template = repository / "{{cookiecutter.__folder}}"
    for folder in (template, repository / "ansible"):
        (folder / "edited.txt").write_text("as it was\n", encoding="utf-8")
        (folder / "removed.txt").write_text("soon gone\n", encoding="utf-8")
    commit(repository)
    cruft("create", repository, "--no-input", cwd=tmp_path)
    project = tmp_path / SLUG
    commit(project)

    for folder in (template, repository / "ansible"):
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


def test_without_symlinks_it_stops_with_one_sentence(repository: Path, tmp_path: Path) -> None:
    no_symlinks = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.symlinks",
        "GIT_CONFIG_VALUE_0": "false",
    }
    command = (*tool("cruft"), "create", repository, "--no-input")
    stopped = run(*command, cwd=tmp_path, env=no_symlinks, check=False)
    assert stopped.returncode != 0
    assert "set git's core.symlinks to true" in stopped.stderr
    assert not (tmp_path / SLUG).exists()
