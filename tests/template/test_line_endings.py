"""A clone by a git that turns line ends into those of Windows is as good as any."""

from __future__ import annotations

from pathlib import Path

from tests.template.options import files_below
from tests.template.trees import commit, cookiecutter, git, make_repository


def test_a_clone_with_autocrlf_has_the_line_ends_of_linux(tmp_path: Path) -> None:
    template = _cloned(make_repository(tmp_path / "template"))
    project = cookiecutter(template, "--no-input", cwd=tmp_path)
    commit(project)
    for folder in (project, _cloned(project)):
        names = [name for name in files_below(folder) if not name.startswith(".git/")]
        assert [n for n in names if _is_windows(folder / n)] == []


def _cloned(repository: Path) -> Path:
    clone = repository.with_name(f"{repository.name}-crlf")
    git(repository, "-c", "core.autocrlf=true", "clone", "--quiet", repository, clone)
    return clone


def _is_windows(path: Path) -> bool:
    content = path.read_bytes() if path.is_file() else b""
    return b"\0" not in content and b"\r\n" in content
