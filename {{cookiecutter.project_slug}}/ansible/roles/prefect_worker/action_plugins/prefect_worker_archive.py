"""On the control node: what of the project goes into a release, and that as one archive."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible.constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

ROLE = Path(__file__).resolve().parent.parent
# Goes into every release: what describes it, proves it and starts its runs is the role's own.
COMPANIONS = {
    f".prefect_worker/{path.name}": path
    for path in (
        ROLE / "files/prove.py",
        ROLE / "files/prefect_worker_metadata.py",
        ROLE / "files/prefect_worker_smoke.py",
        ROLE / "files/runs/workspace.sh",
    )
}
# The release's module takes it out again.
UV = ".uv.whl"
# What is made anew where it is needed, and what a release has of its own.
NEVER = ["__pycache__", "*.pyc", "*.egg-info", "/release.env", f"/{UV}", "/.venv", "/.wheels"]
NEVER += ["/.prefect_worker", "/.project", "/.ready", "/.proved-*", "/.images.json"]
NEVER += ["/.ca.pem", "/.api-ca.pem"]


class ActionModule(ActionBase):
    """Tell the digest of a project's files; pack those that have this `digest`, or else `files`."""

    TRANSFERS_FILES = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Answer with the digest, or with the path of the archive."""
        super().run(tmp, task_vars)
        options = self._task.args
        if given := options.get("files"):
            files = {name: Path(path).resolve() for name, path in given.items()}
            return {"changed": False, "archive": _pack({**files, **_installers(options)})}
        project = Path(options["directory"]).expanduser()
        chosen = list(_files(project, options["exclude"], options["include"]))
        _require_targets(project, chosen)
        files = {str(path): project / path for path in chosen}
        files.update(COMPANIONS)
        digest = _digest(files, options["requirements"])
        if "digest" not in options:
            return {"changed": False, "digest": digest}
        if options["digest"] != digest:
            raise AnsibleActionFail("The project was changed while it was played: play again.")
        return {"changed": False, "archive": _pack({**files, **_installers(options)})}


def _files(project: Path, exclude: list[str], include: list[str]) -> Iterator[Path]:
    """Relative paths of what belongs to the release, in a stable order."""

    def stays(path: Path) -> bool:
        return _matches(path, exclude) and not _includes(path, include)

    def chosen(path: Path) -> bool:
        line = [path, *path.parents][:-1]
        if any(_matches(one, NEVER) for one in line):
            return False
        return _includes(path, include) or not any(map(stays, line))

    for folder, names, files in os.walk(project):
        here = Path(folder).relative_to(project)
        # Of a package that was removed, there may be no more than this.
        gone = "__pycache__" in names
        names[:] = sorted(n for n in names if chosen(here / n) or _leads_to(here / n, include))
        links = [n for n in names if Path(folder, n).is_symlink()]
        kept = sorted(n for n in [*files, *links] if chosen(here / n))
        # It may be there to be written to: git keeps it by a hidden file.
        if not (names or kept or gone) and here.parts and chosen(here):
            yield here
        for name in kept:
            _require_inside(project, here / name)
            yield here / name


def _matches(path: Path, patterns: list[str]) -> bool:
    """A pattern with a leading slash means the project's top level, another one any name."""
    return any(
        fnmatch.fnmatch(f"/{path.as_posix()}" if pattern.startswith("/") else path.name, pattern)
        for pattern in patterns
    )


def _includes(path: Path, patterns: list[str]) -> bool:
    """What is hidden comes along only if its own name is given."""
    hidden = path.name.startswith(".")
    return _matches(path, [p for p in patterns if p.rpartition("/")[2].startswith(".") == hidden])


def _leads_to(folder: Path, patterns: list[str]) -> bool:
    """Tell whether a pattern names something below a folder."""
    name, depth = f"/{folder.as_posix()}", len(folder.parts)
    paths = (p.split("/") for p in patterns if p.startswith("/"))
    return any(
        len(path) > depth + 1 and fnmatch.fnmatch(name, "/".join(path[: depth + 1]))
        for path in paths
    )


def _require_targets(project: Path, chosen: list[Path]) -> None:
    """Refuse links to what stays at home."""
    there = {*chosen, *(parent for path in chosen for parent in path.parents)}
    for link in (path for path in chosen if (project / path).is_symlink()):
        target = (project / link).resolve()
        to = target.relative_to(project.resolve())
        if target.exists() and not there & {to, *to.parents[:-1]}:
            raise AnsibleActionFail(
                f"{project / link} is a link to {to}, which stays at home: add that to "
                "prefect_worker_include, or the link to prefect_worker_exclude."
            )


def _require_inside(project: Path, path: Path) -> None:
    whole = project / path
    if whole.is_symlink() and not _leads_into(project, whole):
        raise AnsibleActionFail(
            f"{whole} is a link that leads out of the project, and a machine would not have its "
            "target: replace it by the file, or add it to prefect_worker_exclude."
        )
    if not (whole.is_symlink() or whole.is_file()):
        raise AnsibleActionFail(
            f"{whole} is neither a file nor a link: add it to prefect_worker_exclude."
        )


def _leads_into(project: Path, link: Path) -> bool:
    try:
        return link.resolve().is_relative_to(project.resolve())
    except (OSError, RuntimeError):
        # In a circle.
        return False


def _digest(files: dict[str, Path], requirements: str) -> str:
    whole = hashlib.sha256(requirements.encode())
    for name, path in sorted(files.items()):
        whole.update(
            f"{name}\0{_mode(path):o}\0".encode() + hashlib.sha256(_content(path)).digest()
        )
    return whole.hexdigest()


def _mode(path: Path) -> int:
    return 0o755 if os.access(path, os.X_OK) else 0o644


def _content(path: Path) -> bytes:
    if path.is_symlink():
        return _target(path).encode()
    return b"" if path.is_dir() else path.read_bytes()


def _target(link: Path) -> str:
    """Return where a link leads from its own folder, as the project is elsewhere on a machine."""
    return os.path.relpath(link.resolve(), link.parent.resolve())


def _installers(options: dict[str, Any]) -> dict[str, Path]:
    """Return the wheels of the wheelhouse and uv's, as far as they are wanted."""
    folder, uv = options["wheelhouse"], options["uv"]
    wheels = sorted(Path(folder).glob("*.whl")) if folder else []
    files = {f".wheels/{wheel.name}": wheel for wheel in wheels}
    return {**files, UV: Path(uv)} if uv else files


def _pack(files: dict[str, Path]) -> str:
    """A file in Ansible's own temporary folder, which goes when the playbook ends."""
    handle, archive = tempfile.mkstemp(suffix=".tar", dir=ansible.constants.DEFAULT_LOCAL_TMP)
    with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
        for name, path in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            # As at home: programs compare times, and an archive of theirs has none before 1980.
            entry.mode, entry.mtime = _mode(path), int(path.lstat().st_mtime)
            if path.is_symlink():
                entry.type, entry.linkname = tarfile.SYMTYPE, _target(path)
                tar.addfile(entry)
            elif path.is_dir():
                entry.type = tarfile.DIRTYPE
                tar.addfile(entry)
            else:
                entry.size = path.stat().st_size
                with path.open("rb") as content:
                    tar.addfile(entry, content)
    return archive
