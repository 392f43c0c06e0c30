#!/usr/bin/python
"""Read-only: what this machine has, and whether a worker can be made of it."""

from __future__ import annotations

import hashlib
import os
import platform
import pwd
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_conflicts import require_one_user, require_own_unit
from ansible.module_utils.prefect_worker_fitness import (
    UnfitError,
    family_of,
    full_version,
    missing_packages,
    needs_reload,
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
from ansible.module_utils.prefect_worker_port import listens, require_free_port
from ansible.module_utils.prefect_worker_program import is_stale
from ansible.module_utils.prefect_worker_proved import PYTHON, is_proved, is_whole
from ansible.module_utils.prefect_worker_transaction import read
from ansible.module_utils.prefect_worker_units import UNITS, active_units, installed_units

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
        "active_units": active_units(installed),
        "user_exists": user_exists(wanted["user"]),
        "current": _link(Path(wanted["links_in"], "current")),
        "previous": _link(Path(wanted["links_in"], "previous")),
        "gone_pythons": _gone_pythons(Path(wanted["project"])),
        "stale": unit["active"] and is_stale(wanted, unit),
        "needs_reload": needs_reload(installed),
        "transaction": read(Path(wanted["transaction"])),
    }
    return facts if wanted["removing"] else {**facts, **_fitness(wanted, unit)}


def _fitness(wanted: dict[str, Any], unit: dict[str, Any]) -> dict[str, Any]:
    require_architecture(wanted["architectures"])
    family = family_of(wanted["families"])
    require_systemd(wanted["systemd"])
    _require_user(wanted["user"])
    require_one_user(wanted, UNITS)
    require_own_unit(wanted, UNITS)
    require_own(wanted["folders"], "root executes what is there")
    python, version = python_of(wanted["python"], family, "prefect_worker_python")
    if not listens(unit["pid"], wanted["port"]):
        require_free_port(wanted["port"])
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


if __name__ == "__main__":
    main()
