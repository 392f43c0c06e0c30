"""On the control node: what the project is made of, and its code as one archive."""

from __future__ import annotations

import ast
import fnmatch
import hashlib
import os
import re
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible.constants
import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

ROLE = Path(__file__).resolve().parent.parent
# Goes into every release, so that a release proves itself with the role's own means.
COMPANIONS = {
    f".prefect_worker/{path.name}": path
    for path in (
        ROLE / "files/prove.py",
        ROLE / "files/prefect_worker_smoke.py",
        ROLE / "files/runs/workspace.sh",
    )
}
# The release's module takes it out again.
UV = ".uv.whl"


class ActionModule(ActionBase):
    """Describe the project, or with `pack` put it, or else these `files`, into an archive."""

    TRANSFERS_FILES = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Answer with digest, entrypoints and Prefect's version."""
        super().run(tmp, task_vars)
        options = self._task.args
        if given := options.get("files"):
            named = {name: Path(path).resolve() for name, path in given.items()}
            return {"changed": False, "archive": _pack({**named, **_installers(options)})}
        project = Path(options["directory"]).expanduser()
        requirements = project / options["requirements"]
        files = {str(path): project / path for path in _files(project, options["exclude"])}
        files.update(COMPANIONS)
        if options.get("pack"):
            return {"changed": False, "archive": _pack({**files, **_installers(options)})}
        entrypoints = _entrypoints(project)
        return {
            "changed": False,
            "digest": _digest(files, options["requirements"]),
            "entrypoints": entrypoints,
            "prefect": _pinned_prefect(requirements),
        }


def _files(project: Path, exclude: list[str]) -> Iterator[Path]:
    """Relative paths of what belongs to the release, in a stable order."""
    for folder, names, files in os.walk(project):
        here = Path(folder).relative_to(project)
        names[:] = sorted(n for n in names if not _excluded(here / n, exclude))
        links = [n for n in names if Path(folder, n).is_symlink()]
        for name in sorted([*files, *links]):
            path = here / name
            if not _excluded(path, exclude):
                _require_inside(project, path)
                yield path


def _excluded(path: Path, patterns: list[str]) -> bool:
    """A pattern with a leading slash means the project's top level, another one any name."""
    return any(
        fnmatch.fnmatch(f"/{path.as_posix()}" if pattern.startswith("/") else path.name, pattern)
        for pattern in patterns
    )


def _require_inside(project: Path, path: Path) -> None:
    whole = project / path
    if whole.is_symlink() and not whole.resolve().is_relative_to(project.resolve()):
        raise AnsibleActionFail(
            f"{whole} is a link that leads out of the project, and a machine would not have its "
            "target: replace it by the file, or add it to prefect_worker_exclude."
        )
    if not (whole.is_symlink() or whole.is_file()):
        raise AnsibleActionFail(
            f"{whole} is neither a file nor a link: add it to prefect_worker_exclude."
        )


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
    return _target(path).encode() if path.is_symlink() else path.read_bytes()


def _target(link: Path) -> str:
    """Return where a link leads from its own folder, as the project is elsewhere on a machine."""
    target = link.readlink()
    if not target.is_absolute():
        return str(target)
    return os.path.relpath(target.resolve(), link.parent.resolve())


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
            entry.mode = _mode(path)
            if path.is_symlink():
                entry.type, entry.linkname = tarfile.SYMTYPE, _target(path)
                tar.addfile(entry)
            else:
                entry.size = path.stat().st_size
                with path.open("rb") as content:
                    tar.addfile(entry, content)
    return archive


def _entrypoints(project: Path) -> list[str]:
    """Every deployment's entrypoint; those that name files are seen to be there."""
    found: set[str] = set()
    for number, deployment in enumerate(_deployments(project / "prefect.yaml"), 1):
        if not isinstance(deployment, dict) or not deployment.get("entrypoint"):
            name = deployment.get("name") if isinstance(deployment, dict) else deployment
            raise AnsibleActionFail(
                f"Deployment {number} in prefect.yaml, {str(name)[:80]!r}, has no entrypoint: "
                "each needs a name and an entrypoint, for example shop.flows.report.report."
            )
        entrypoint = str(deployment["entrypoint"])
        _require_entrypoint(project, str(deployment.get("name")), entrypoint)
        found.add(entrypoint)
    return sorted(found)


def _deployments(path: Path) -> list[Any]:
    try:
        document = yaml.safe_load(path.read_bytes()) or {}
    except yaml.YAMLError as error:
        raise AnsibleActionFail(f"{path} is no YAML: {error}") from None
    except OSError as error:
        raise AnsibleActionFail(
            f"{path} cannot be read ({error.strerror}): a project needs one."
        ) from None
    if not isinstance(document, dict):
        raise AnsibleActionFail(f"{path} is no mapping: it has to have a key `deployments`.")
    deployments = document.get("deployments") or []
    if not isinstance(deployments, list):
        raise AnsibleActionFail(f"{path} has `deployments` that are no list.")
    return deployments


def _require_entrypoint(project: Path, deployment: str, entrypoint: str) -> None:
    file, _, function = entrypoint.rpartition(":")
    if not file.endswith(".py"):
        return
    start = f"The deployment {deployment!r} in prefect.yaml has the entrypoint {entrypoint}, but"
    if not (project / file).is_file():
        raise AnsibleActionFail(f"{start} the project has no file {file}.")
    try:
        tree = ast.parse((project / file).read_bytes())
    except SyntaxError as error:
        raise AnsibleActionFail(f"{start} {file} is no Python: {error}.") from None
    if function.split(".")[0] not in _names(tree):
        raise AnsibleActionFail(f"{start} {file} defines no {function}.")


def _names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
    return names


def _pinned_prefect(requirements: Path) -> list[dict[str, str]]:
    """Return the versions of Prefect that machines may have, each with the marker of its line."""
    try:
        text = requirements.read_text()
    except OSError as error:
        raise AnsibleActionFail(
            f"{requirements} cannot be read ({error.strerror}): a release is installed from it, "
            "with versions and hashes (`uv pip compile --generate-hashes`)."
        ) from None
    if other := re.search(r"^(-[rce]\b|--(?:requirement|constraint|editable)\b).*", text, re.M):
        raise AnsibleActionFail(
            f"{requirements} has the line {other[0]!r}: all that a release installs has to be in "
            "this one file, as `uv pip compile --generate-hashes` writes it."
        )
    found = re.findall(r"^prefect(?:\[[^\]]*\])?==([^\s;\\]+)([^\\\n]*)", text, re.M)
    if not found:
        raise AnsibleActionFail(f"{requirements} does not pin Prefect (a line `prefect==…`).")
    if "--hash=" not in text:
        raise AnsibleActionFail(
            f"{requirements} has no hashes: compile it with `uv pip compile --generate-hashes`."
        )
    return [
        {"version": version, "marker": rest.partition("--hash")[0].strip(" ;")}
        for version, rest in found
    ]
