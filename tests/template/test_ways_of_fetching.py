"""However the template is fetched, the project is the same to the byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.template.options import SLUG, files_below
from tests.template.trees import (
    Tree,
    cookiecutter,
    git,
    make_repository,
    run,
    tool,
    tree,
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository of the template."""
    return make_repository(tmp_path_factory.mktemp("repository") / "template")


@pytest.fixture(scope="module")
def reference(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Return what a checkout with symlinks gives."""
    cwd = tmp_path_factory.mktemp("reference")
    return tree(cookiecutter(repository, "--no-input", cwd=cwd))


@pytest.fixture
def without_symlinks(repository: Path, tmp_path: Path) -> Path:
    """Return a checkout as Windows makes it: a symlink is a file that names its target."""
    git(tmp_path, "clone", "--quiet", "-c", "core.symlinks=false", repository, "checkout")
    link = tmp_path / "checkout" / "{{cookiecutter.__folder}}" / "ansible"
    assert link.read_text(encoding="utf-8") == "../ansible"
    return tmp_path / "checkout"


def test_ansible_arrives_as_real_files(repository: Path, reference: Tree) -> None:
    source = tree(repository / "ansible")
    assert source
    assert {f"ansible/{name}": content for name, content in source.items()} == {
        name: content for name, content in reference.items() if name.startswith("ansible/")
    }


def test_from_a_git_url(repository: Path, reference: Tree, tmp_path: Path) -> None:
    assert tree(cookiecutter(f"git+file://{repository}", "--no-input", cwd=tmp_path)) == reference


def test_from_a_relative_path(repository: Path, reference: Tree, tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to(repository)
    assert tree(cookiecutter("./here", "--no-input", cwd=tmp_path)) == reference


def test_from_a_zip_file(repository: Path, reference: Tree, tmp_path: Path) -> None:
    archive = tmp_path / "template.zip"
    git(repository, "archive", "--format=zip", "--prefix=template/", "--output", archive, "HEAD")
    assert tree(cookiecutter(archive, "--no-input", cwd=tmp_path)) == reference


def test_from_a_checkout_without_symlinks(
    without_symlinks: Path, reference: Tree, tmp_path: Path
) -> None:
    assert tree(cookiecutter(without_symlinks, "--no-input", cwd=tmp_path)) == reference


def test_a_cluster_needs_no_playbook_and_so_no_symlinks(
    repository: Path, without_symlinks: Path, tmp_path: Path
) -> None:
    answers = ("work_pool_type=kubernetes", "result_storage=s3")
    made = []
    for template in (repository, without_symlinks):
        cwd = tmp_path / f"from-{template.name}"
        cwd.mkdir()
        made.append(tree(cookiecutter(template, *answers, "--no-input", cwd=cwd)))
    assert made[0] == made[1]
    assert not [name for name in made[0] if name.startswith(("ansible", "inventory"))]


def test_from_a_relative_checkout_without_symlinks(
    without_symlinks: Path, reference: Tree, tmp_path: Path
) -> None:
    out = tmp_path / "somewhere" / "else"
    name = without_symlinks.name
    cookiecutter(name, "--no-input", "--output-dir", out, cwd=tmp_path)
    assert tree(out / SLUG) == reference


def test_from_a_relative_checkout_where_the_shell_does_not_say_where_it_is(
    without_symlinks: Path, reference: Tree, tmp_path: Path
) -> None:
    name = without_symlinks.name
    assert tree(cookiecutter(name, "--no-input", cwd=tmp_path, env={"PWD": "/"})) == reference


def test_a_relative_checkout_that_cannot_be_found_is_one_sentence(
    without_symlinks: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = (*tool("cookiecutter"), without_symlinks.name, "--no-input", "--output-dir", out)
    stopped = run(*command, cwd=tmp_path, env={"PWD": "/"}, check=False)
    assert stopped.returncode != 0
    assert stopped.stderr == (
        "The project's ansible/ is empty, because this copy of the template was made without"
        " symlinks: set git's core.symlinks to true and try again.\n"
    )
    assert not (out / SLUG).exists()


def test_without_hooks(repository: Path, reference: Tree, tmp_path: Path) -> None:
    project = cookiecutter(repository, "--no-input", "--accept-hooks", "no", cwd=tmp_path)
    # A hook removes the folders of files that were not chosen.
    (project / "certificates").rmdir()
    assert tree(project) == reference


def test_from_an_old_replay_that_knows_nothing_of_ansible(
    repository: Path, reference: Tree, tmp_path: Path
) -> None:
    assert tree(replay(repository, tmp_path, _copy_without_render=[])) == reference


def test_a_replay_of_a_choice_that_is_gone_is_refused(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="result_storage 'ftp' is refused: it must be one of"):
        replay(repository, tmp_path, result_storage="ftp")
    assert not (tmp_path / SLUG).exists()


def test_over_itself(repository: Path, reference: Tree, tmp_path: Path) -> None:
    project = cookiecutter(repository, "--no-input", cwd=tmp_path)
    (project / "README.md").write_text("mine", encoding="utf-8")
    (project / "ansible" / "mine.yml").write_text("mine", encoding="utf-8")
    cookiecutter(repository, "--no-input", "--overwrite-if-exists", cwd=tmp_path)
    assert tree(project) == reference


def test_nothing_is_written_beside_the_project(repository: Path, tmp_path: Path) -> None:
    before = files_below(repository)
    cookiecutter(repository, "--no-input", cwd=tmp_path)
    assert files_below(repository) == before
    assert [path.name for path in tmp_path.iterdir()] == [SLUG]


def replay(repository: Path, folder: Path, **changes: object) -> Path:
    """Generate a project from the answers of another one, some of which are changed."""
    kept = folder / "kept"
    kept.mkdir()
    config = folder / "config.yml"
    config.write_text(f"replay_dir: {kept}\n", encoding="utf-8")
    first = folder / "first"
    first.mkdir()
    cookiecutter(repository, "--no-input", "--config-file", config, cwd=first)
    answers = kept / f"{repository.name}.json"
    context = json.loads(answers.read_text(encoding="utf-8"))
    context["cookiecutter"].update(changes)
    answers.write_text(json.dumps(context), encoding="utf-8")
    return cookiecutter(repository, "--replay", "--config-file", config, cwd=folder)
