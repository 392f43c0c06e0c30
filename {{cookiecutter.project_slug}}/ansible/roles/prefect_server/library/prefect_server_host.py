#!/usr/bin/python
"""Read-only: what this machine has, and whether a Prefect server can be made of it."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_fitness import (
    UnfitError,
    family_of,
    missing_packages,
    python_of,
    require_architecture,
    require_own,
    require_root,
    require_space,
    require_systemd,
    unit_state,
    user_exists,
)
from ansible.module_utils.prefect_worker_proved import is_whole

ARGUMENTS: dict[str, dict[str, Any]] = {
    "families": {"type": "dict", "required": True},
    "architectures": {"type": "list", "elements": "str", "required": True},
    "systemd": {"type": "int", "required": True},
    "python": {"type": "str", "default": ""},
    "free_mib": {"type": "int", "default": 0},
    "root": {"type": "path", "required": True},
    # How many releases stay on the machine.
    "kept": {"type": "int", "required": True},
    "digest": {"type": "str", "required": True},
    "uv": {"type": "path", "required": True},
    "users": {"type": "list", "elements": "str", "required": True},
    "proxied": {"type": "bool", "required": True},
    # Units, and whether each is wanted.
    "optional": {"type": "dict", "required": True},
    "own": {"type": "list", "elements": "path", "required": True},
    # The unit that may have them, and the ports.
    "ports": {"type": "dict", "required": True},
    # Left by an upgrade that was interrupted.
    "upgrade": {"type": "path", "required": True},
}


def main() -> None:
    """Answer with the facts, or fail with the first reason against this machine."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **_examine(module.params))
    except UnfitError as reason:
        module.fail_json(msg=str(reason))


def _examine(wanted: dict[str, Any]) -> dict[str, Any]:
    require_root()
    require_own(wanted["own"], "root works with it")
    require_architecture(wanted["architectures"])
    family = family_of(wanted["families"])
    require_systemd(wanted["systemd"])
    python, version = python_of(wanted["python"], family, "prefect_server_python")
    for unit, ports in wanted["ports"].items():
        if not unit_state(f"{unit}.service")["active"]:
            _require_free(unit, ports)
    release = _release_id(wanted["digest"], version)
    ready = is_whole(Path(wanted["root"], "releases", release))
    if not ready:
        require_space(wanted["free_mib"], "prefect_server_free_mib")
    packages = [*family["packages"], *(family["proxy_packages"] if wanted["proxied"] else [])]
    return {
        "architecture": platform.machine(),
        "python": python,
        "packages": missing_packages(packages, family["query"]),
        "missing_users": [name for name in wanted["users"] if not user_exists(name)],
        "unwanted": [
            name for name, is_wanted in wanted["optional"].items() if _is_left(name, is_wanted)
        ],
        "release": release,
        "has_old_releases": _releases(Path(wanted["root"])) + (not ready) > wanted["kept"],
        "is_upgrade": Path(wanted["upgrade"]).exists()
        or _is_upgrade(Path(wanted["root"]), release),
        "release_ready": ready,
        "uv_ready": os.access(wanted["uv"], os.X_OK),
    }


def _is_left(unit: str, is_wanted: bool) -> bool:
    state = unit_state(unit)
    return not is_wanted and bool(state["active"] or state["enabled"])


def _releases(root: Path) -> int:
    return len(list(root.glob("releases/*")))


def _is_upgrade(root: Path, release: str) -> bool:
    """Whether another release runs, or did when a play was interrupted."""
    current = root / "current"
    return current.is_symlink() and current.readlink().name != release


def _require_free(unit: str, ports: list[int]) -> None:
    """Refuse a machine where somebody else listens."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", int(port)))
            except OSError as error:
                raise UnfitError(
                    f"Port {port}, which {unit} needs, is taken on this machine "
                    f"({error.strerror}): stop what listens there, or set prefect_server_port or "
                    "prefect_server_tls."
                ) from error


def _release_id(digest: str, python: str) -> str:
    """Return another one for the same pins on another Python or processor."""
    what = f"{digest} {python} {platform.machine()}"
    return hashlib.sha256(what.encode()).hexdigest()[:12]


if __name__ == "__main__":
    main()
