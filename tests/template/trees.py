"""Copies of the template as people fetch it, and trees compared byte for byte."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.template.options import SLUG, TEMPLATE, files_below

Tree = dict[str, tuple[int, bytes]]

# A git that does not depend on whose machine this is.
GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


def tree(folder: Path) -> Tree:
    """Return each file's permissions and bytes; cruft's own notes are no part of a project."""
    return {
        name: (path.lstat().st_mode, b"" if path.is_dir() else path.read_bytes())
        for name in sorted(files_below(folder))
        if name != ".cruft.json" and not name.startswith(".git/")
        for path in [folder / name]
    }


def run(
    *command: str | Path, cwd: Path, env: dict[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command as a user would from that folder, and show what it said if it fails."""
    environment = {**os.environ, **GIT_ENVIRONMENT, "PWD": str(cwd), **(env or {})}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def git(folder: Path, *arguments: str | Path) -> str:
    """Run git in a folder."""
    return run("git", *arguments, cwd=folder).stdout


def commit(folder: Path) -> None:
    """Commit all there is in a folder, which becomes a repository if it is none."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "All there is")


def make_repository(folder: Path) -> Path:
    """Make a repository of the template as it is in the work tree."""
    listed = git(TEMPLATE, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        source, target = TEMPLATE / name, folder / name
        if source.is_symlink() or source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    commit(folder)
    return folder


def tool(name: str) -> tuple[str, str, str]:
    """Return the command of one of our environment's tools."""
    return (sys.executable, "-m", name)


def cookiecutter(
    template: str | Path,
    *options: str | Path,
    cwd: Path,
    env: dict[str, str] | None = None,
) -> Path:
    """Generate a project with the command, and return it."""
    run(*tool("cookiecutter"), template, *options, cwd=cwd, env=env)
    return cwd / SLUG


def cruft(*arguments: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run cruft."""
    return run(*tool("cruft"), *arguments, cwd=cwd, env=env).stdout
