#!/usr/bin/python
"""Read-only: what this machine has, and whether a worker can be made of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import pwd
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_fitness import (
    UnfitError,
    family_of,
    full_version,
    missing_packages,
    needs_reload,
    output_of,
    python_of,
    require_architecture,
    require_own,
    require_root,
    require_space,
    require_systemd,
    systemd_version,
    unit_state,
    user_exists,
)
from ansible.module_utils.prefect_worker_program import same_worker
from ansible.module_utils.prefect_worker_proved import PYTHON, is_proved, is_whole
from ansible.module_utils.prefect_worker_transaction import read
from ansible.module_utils.prefect_worker_units import UNITS, installed_units

ARGUMENTS: dict[str, dict[str, Any]] = {
    "removing": {"type": "bool", "default": False},
    "families": {"type": "dict", "required": True},
    "architectures": {"type": "list", "elements": "str", "required": True},
    "systemd": {"type": "int", "required": True},
    "python": {"type": "str", "default": ""},
    "packages": {"type": "list", "elements": "str", "default": []},
    "engine": {"type": "bool", "default": False},
    "free_mib": {"type": "int", "default": 0},
    "project": {"type": "path", "required": True},
    "links_in": {"type": "path", "required": True},
    "digest": {"type": "str", "default": ""},
    "pool": {"type": "str", "default": ""},
    "entrypoints": {"type": "list", "elements": "str", "default": []},
    "uv": {"type": "path", "required": True},
    "unit": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "user": {"type": "str", "required": True},
    "folders": {"type": "list", "elements": "path", "default": []},
    "files": {"type": "list", "elements": "path", "default": []},
    "transaction": {"type": "path", "required": True},
}
# As /proc/net/tcp has it.
LISTENING = "0A"
LIST = ("systemctl", "list-units", "--plain", "--no-legend", "--full")


def main() -> None:
    """Answer with the facts, or fail with the first reason against this machine."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    try:
        facts = examine(module.params)
        if python := facts["gone_pythons"].get(facts["current"]):
            module.warn(f"{python}, the Python of the release {facts['current']}, is gone.")
        module.exit_json(changed=False, **facts)
    except UnfitError as reason:
        module.fail_json(msg=str(reason))


def examine(wanted: dict[str, Any]) -> dict[str, Any]:
    """All facts that later tasks use."""
    require_root()
    unit = unit_state(wanted["unit"])
    installed = installed_units(wanted["unit"])
    facts = {
        "examined": wanted["unit"],
        "unit": unit,
        "installed_units": installed,
        "active_units": _active(installed),
        "user_exists": user_exists(wanted["user"]),
        "current": _link(Path(wanted["links_in"], "current")),
        "previous": _link(Path(wanted["links_in"], "previous")),
        "gone_pythons": _gone_pythons(Path(wanted["project"])),
        "stale": unit["active"] and _stale(wanted, unit),
        "needs_reload": needs_reload(installed),
        "transaction": read(Path(wanted["transaction"])),
    }
    return facts if wanted["removing"] else {**facts, **_fitness(wanted, unit)}


def _fitness(wanted: dict[str, Any], unit: dict[str, Any]) -> dict[str, Any]:
    require_architecture(wanted["architectures"])
    family = family_of(wanted["families"])
    require_systemd(wanted["systemd"])
    _require_user(wanted["user"])
    _require_one_user(wanted, UNITS)
    _require_own_unit(wanted, UNITS)
    require_own(wanted["folders"], "root executes what is there")
    python, version = python_of(wanted["python"], family, "prefect_worker_python")
    if not _listens(unit["pid"], wanted["port"]):
        _require_free_port(wanted["port"])
    release = _release_id(wanted["digest"], version, wanted["user"])
    place = Path(wanted["project"], "releases", release)
    # Going back to a release that is there takes no room.
    if release and not is_whole(place):
        require_space(wanted["free_mib"], "prefect_worker_free_mib")
    packages = [*family["packages"], *wanted["packages"]]
    if wanted["engine"]:
        packages += family["engine_packages"]
    return {
        "family": family,
        "architecture": platform.machine(),
        "systemd": systemd_version(),
        "python": python,
        "python_version": full_version(python) or f"{version}.0",
        "packages": missing_packages(packages, family["query"]),
        "release": release,
        "release_ready": is_proved(place, wanted["pool"], wanted["entrypoints"]),
        "uv_ready": os.access(wanted["uv"], os.X_OK),
    }


def _require_user(name: str) -> None:
    if user_exists(name) and pwd.getpwnam(name).pw_uid == 0:
        raise UnfitError(f"The user {name} is root here: name another one in prefect_worker_user.")


def _require_one_user(wanted: dict[str, Any], units: Path) -> None:
    """Refuse a second one for a project: systemd gives the state folder to whoever starts last."""
    for path in units.glob("prefect-worker-*.service"):
        text = path.read_text()
        user = dict(re.findall(r"^(\w+)=(.*)$", text, re.M)).get("User")
        is_other = path.name != wanted["unit"] and user not in (None, wanted["user"])
        if is_other and _project_of(text) == wanted["project"]:
            raise UnfitError(
                f"{path.name} has the same project and runs as {user}, so this worker cannot run "
                f"as {wanted['user']}: give it a prefect_worker_project of its own."
            )


def _require_own_unit(wanted: dict[str, Any], units: Path) -> None:
    """Refuse the unit of another project's worker: it would have none."""
    path = units / wanted["unit"]
    text = path.read_text() if path.exists() else ""
    project = _project_of(text)
    if project and project != wanted["project"]:
        raise UnfitError(
            f"{wanted['unit']} is a worker of {project}: give this one another "
            "prefect_worker_name, or make that one absent first."
        )


def _project_of(unit: str) -> str:
    """Return the folder of the project whose worker a unit is; nothing if it is no worker."""
    folder = re.search(r"^WorkingDirectory=(.*?)(?:/workers/[^/\n]+)?/current$", unit, re.M)
    return folder[1] if folder else ""


def _release_id(digest: str, python: str, user: str) -> str:
    """The same project on another Python or processor, or of another user, is another release."""
    what = f"{digest} {python} {platform.machine()} {user}"
    return hashlib.sha256(what.encode()).hexdigest()[:12] if digest else ""


def _link(path: Path) -> str:
    return path.readlink().name if path.is_symlink() else ""


def _gone_pythons(project: Path) -> dict[str, str]:
    """The Pythons that releases were made with and that are no longer on the machine."""
    pythons = {release.name: release / PYTHON for release in project.glob("releases/*")}
    gone = {name: path for name, path in pythons.items() if path.is_symlink() and not path.exists()}
    return {name: str(path.readlink()) for name, path in gone.items()}


def _listens(pid: int, port: int) -> bool:
    """Whether the process is the one that listens on the port, as a worker does on its own."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    listening = [row for row in rows if row[3] == LISTENING and row[1].endswith(f":{port:04X}")]
    return bool({f"socket:[{row[9]}]" for row in listening} & set(_open(pid)))


def _open(pid: int) -> Iterator[str]:
    """What a process has open; 0 is none."""
    for path in Path(f"/proc/{pid}/fd").glob("*"):
        # It goes on working while it is looked at.
        with contextlib.suppress(FileNotFoundError):
            yield str(path.readlink())


def _require_free_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UnfitError(
                f"Port {port} of 127.0.0.1 is taken on this machine ({error.strerror}): "
                "choose another prefect_worker_health_port."
            ) from error


def _active(units: list[str]) -> list[str]:
    """Those that are active; systemd would list all of the machine's if none were named."""
    lines = output_of(*LIST, "--state=active", *units).splitlines() if units else []
    return [line.split()[0] for line in lines]


def _stale(wanted: dict[str, Any], unit: dict[str, Any]) -> bool:
    """Whether a worker started now would be another one, as after a killed play."""
    current = Path(wanted["links_in"], "current").resolve()
    started = Path(os.path.realpath(f"/proc/{unit['pid']}/cwd"))
    # Code in the worker's process can go to a folder of its own, with anything in it.
    is_release = started.parent == current.parent
    return (
        _newer(wanted["files"], unit["started"])
        or not is_release
        or not same_worker(started, current)
    )


def _newer(paths: list[str], moment: float) -> bool:
    return any(os.path.lexists(path) and os.lstat(path).st_mtime > moment for path in paths)


if __name__ == "__main__":
    main()
