"""However the template is fetched, the project is the same to the byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.template.options import SLUG, files_below
from tests.template.trees import (
    Tree,
    cookiecutter,
    cruft,
    git,
    make_repository,
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
    link = tmp_path / "checkout" / "ansible"
    assert link.read_text(encoding="utf-8") == "{{cookiecutter.project_slug}}/ansible"
    return tmp_path / "checkout"


def test_ansible_arrives_as_real_files(repository: Path, reference: Tree) -> None:
    source = tree(repository / "{{cookiecutter.project_slug}}" / "ansible")
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


def test_from_a_relative_checkout_without_symlinks(
    without_symlinks: Path, reference: Tree, tmp_path: Path
) -> None:
    out = tmp_path / "somewhere" / "else"
    # A shell does not always say where it is.
    for number, env in enumerate(({}, {"PWD": "/"})):
        folder = out / str(number)
        name = without_symlinks.name
        cookiecutter(name, "--no-input", "--output-dir", folder, cwd=tmp_path, env=env)
        assert tree(folder / SLUG) == reference


def test_from_cruft_without_symlinks(repository: Path, reference: Tree, tmp_path: Path) -> None:
    no_symlinks = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.symlinks",
        "GIT_CONFIG_VALUE_0": "false",
    }
    cruft("create", repository, "--no-input", cwd=tmp_path, env=no_symlinks)
    assert tree(tmp_path / SLUG) == reference


def test_a_cluster_has_no_playbook(repository: Path, tmp_path: Path) -> None:
    answers = ("work_pool_type=kubernetes", "result_storage=s3")
    made = tree(cookiecutter(repository, *answers, "--no-input", cwd=tmp_path))
    assert not [name for name in made if name.startswith(("ansible", "inventory"))]


def test_without_hooks(repository: Path, reference: Tree, tmp_path: Path) -> None:
    project = cookiecutter(repository, "--no-input", "--accept-hooks", "no", cwd=tmp_path)
    # A hook removes the folders of files that were not chosen.
    (project / "certificates").rmdir()
    assert tree(project) == reference


def test_from_a_replay_of_the_first_version(
    repository: Path, reference: Tree, tmp_path: Path
) -> None:
    made = replay(
        repository,
        tmp_path,
        without=("__checked_", "_extensions"),
        _copy_without_render=["ansible"],
    )
    assert tree(made) == reference


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
    # Python keeps what it compiles of the template's extension beside it, where git ignores it.
    compiled = {"PYTHONDONTWRITEBYTECODE": "1"}
    cookiecutter(repository, "--no-input", cwd=tmp_path, env=compiled)
    assert files_below(repository) == before
    assert [path.name for path in tmp_path.iterdir()] == [SLUG]


def replay(
    repository: Path, folder: Path, without: tuple[str, ...] = (), **changes: object
) -> Path:
    """Generate a project from the answers of another one, changed or without some of them."""
    kept = folder / "kept"
    kept.mkdir()
    config = folder / "config.yml"
    config.write_text(f"replay_dir: {kept}\n", encoding="utf-8")
    first = folder / "first"
    first.mkdir()
    cookiecutter(repository, "--no-input", "--config-file", config, cwd=first)
    answers = kept / f"{repository.name}.json"
    context = json.loads(answers.read_text(encoding="utf-8"))
    given = context["cookiecutter"]
    context["cookiecutter"] = {
        name: value for name, value in given.items() if not name.startswith(without)
    } | changes
    answers.write_text(json.dumps(context), encoding="utf-8")
    return cookiecutter(repository, "--replay", "--config-file", config, cwd=folder)
