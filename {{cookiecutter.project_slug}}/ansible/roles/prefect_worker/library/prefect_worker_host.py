#!/usr/bin/python
"""Read-only: what this machine has, and whether a worker can be made of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import pwd
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_owned import changeable
from ansible.module_utils.prefect_worker_program import same_worker
from ansible.module_utils.prefect_worker_transaction import read
from ansible.module_utils.prefect_worker_units import UNITS, installed_units
from ansible.module_utils.prefect_worker_venv import PYTHON, is_ready

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
    "digest": {"type": "str", "default": ""},
    "uv": {"type": "path", "required": True},
    "unit": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "user": {"type": "str", "required": True},
    "folders": {"type": "list", "elements": "path", "default": []},
    "files": {"type": "list", "elements": "path", "default": []},
    "transaction": {"type": "path", "required": True},
}
OLDEST_PYTHON = (3, 11)
# As /proc/net/tcp has it.
LISTENING = "0A"
LIST = ("systemctl", "list-units", "--plain", "--no-legend", "--full")
PYTHONS = ["python3", *(f"python3.{minor}" for minor in (13, 12, 11))]


class UnfitError(Exception):
    """Why this machine cannot become a worker, in one sentence."""


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
    _require_root()
    unit = _unit(wanted["unit"])
    installed = installed_units(wanted["unit"])
    facts = {
        "examined": wanted["unit"],
        "unit": unit,
        "installed_units": installed,
        "active_units": _active(installed),
        "user_exists": _user_exists(wanted["user"]),
        "current": _link(Path(wanted["project"], "current")),
        "previous": _link(Path(wanted["project"], "previous")),
        "gone_pythons": _gone_pythons(Path(wanted["project"])),
        "stale": unit["active"] and _stale(wanted, unit),
        "needs_reload": _needs_reload(installed),
        "transaction": read(Path(wanted["transaction"])),
    }
    return facts if wanted["removing"] else {**facts, **_fitness(wanted, unit)}


def _fitness(wanted: dict[str, Any], unit: dict[str, Any]) -> dict[str, Any]:
    _require_architecture(wanted["architectures"])
    family = _family(wanted["families"])
    _require_systemd(wanted["systemd"])
    _require_user(wanted["user"])
    _require_one_user(wanted, UNITS)
    _require_own_unit(wanted, UNITS)
    _require_own(wanted["folders"], "root executes what is there")
    python, version = _python(wanted["python"], family)
    if not _listens(unit["pid"], wanted["port"]):
        _require_free_port(wanted["port"])
    release = _release_id(wanted["digest"], version)
    ready = is_ready(Path(wanted["project"], "releases", release))
    # Going back to a release that is there takes no room.
    if release and not ready:
        _require_space(wanted["free_mib"])
    packages = [*family["packages"], *wanted["packages"]]
    if wanted["engine"]:
        packages += family["engine_packages"]
    return {
        "family": family,
        "architecture": platform.machine(),
        "systemd": _systemd_version(),
        "python": python,
        "python_version": _full_version(python) or f"{version}.0",
        "packages": _missing(packages, family["query"]),
        "release": release,
        "release_ready": ready,
        "uv_ready": os.access(wanted["uv"], os.X_OK),
    }


def _require_root() -> None:
    if os.geteuid() != 0:
        raise UnfitError("The role has to be root on this machine: play it with `become: true`.")


def _require_architecture(known: list[str]) -> None:
    if platform.machine() not in known:
        raise UnfitError(
            f"This machine's processor is {platform.machine()}, for which Prefect's packages have "
            f"no wheels: {' or '.join(known)} is required."
        )


def _family(families: dict[str, Any]) -> dict[str, Any]:
    release = _system()
    name, version = release.get("ID", "?"), release.get("VERSION_ID", "")
    for family in families.values():
        if name in family["oldest"]:
            oldest = str(family["oldest"][name])
            # Debian testing has none, and is newer than any.
            if not version or _numbers(version) >= _numbers(oldest):
                return dict(family)
            raise UnfitError(f"{name} {version} is too old: {oldest} or newer is needed.")
    for relative in release.get("ID_LIKE", "").split():
        for family in families.values():
            if relative in family["oldest"]:
                return dict(family)
    known = ", ".join(n for family in families.values() for n in family["oldest"])
    raise UnfitError(
        f"{name} {version} is not supported; known systems are {known}, and what is like one of "
        "them by ID_LIKE of /etc/os-release."
    )


def _system() -> dict[str, str]:
    """The pairs of /etc/os-release."""
    text = Path("/etc/os-release").read_text()
    return dict(re.findall(r"""^([A-Z_]+)=["']?([^"'\n]*)["']?$""", text, re.M))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _systemd_version() -> int:
    if not shutil.which("systemctl"):
        return 0
    return _numbers(_output("systemctl", "--version"))[0]


def _require_systemd(oldest: int) -> None:
    if not Path("/run/systemd/system").is_dir():
        raise UnfitError("systemd is not running this machine, and a worker is a systemd service.")
    if _systemd_version() < oldest:
        raise UnfitError(f"systemd {_systemd_version()} is too old: {oldest} or newer is needed.")


def _require_user(name: str) -> None:
    if _user_exists(name) and pwd.getpwnam(name).pw_uid == 0:
        raise UnfitError(f"The user {name} is root here: name another one in prefect_worker_user.")


def _require_one_user(wanted: dict[str, Any], units: Path) -> None:
    """Refuse a second one for a project: systemd gives the state folder to whoever starts last."""
    for path in units.glob("prefect-worker-*.service"):
        unit = dict(re.findall(r"^(\w+)=(.*)$", path.read_text(), re.M))
        folder, user = unit.get("WorkingDirectory"), unit.get("User")
        is_other = path.name != wanted["unit"] and user not in (None, wanted["user"])
        if is_other and folder == f"{wanted['project']}/current":
            raise UnfitError(
                f"{path.name} has the same project and runs as {user}, so this worker cannot run "
                f"as {wanted['user']}: give it a prefect_worker_project of its own."
            )


def _require_own_unit(wanted: dict[str, Any], units: Path) -> None:
    """Refuse the unit of another project's worker: it would have none."""
    path = units / wanted["unit"]
    text = path.read_text() if path.exists() else ""
    folder = re.search(r"^WorkingDirectory=(.*)/current$", text, re.M)
    if folder and folder[1] != wanted["project"]:
        raise UnfitError(
            f"{wanted['unit']} is a worker of {folder[1]}: give this one another "
            "prefect_worker_name, or make that one absent first."
        )


def _require_own(paths: list[str], why: str) -> None:
    """Refuse what others than root may change, and root works with."""
    for path in paths:
        if found := changeable(Path(path)):
            raise UnfitError(
                f"{found} can be changed by others than root, and {why}: "
                "make root its owner, and the only one who may write."
            )


def _user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _python(wanted: str, family: dict[str, Any]) -> tuple[str, str]:
    oldest = "Python " + ".".join(map(str, OLDEST_PYTHON))
    for name in [wanted] if wanted else PYTHONS:
        path = shutil.which(name)
        if path and wanted:
            _require_own([path], "root executes it (prefect_worker_python)")
        version = _python_version(path) if path and not changeable(Path(path)) else ""
        if path and _numbers(version) >= OLDEST_PYTHON:
            return path, version
    if wanted:
        raise UnfitError(f"{wanted} (prefect_worker_python) is no {oldest} or newer here.")
    if package := family.get("python_package"):
        family["packages"] = [*family["packages"], package]
        return str(family["python"]), str(family["python_version"])
    raise UnfitError(f"No {oldest} or newer here: install one, name it in prefect_worker_python.")


def _python_version(path: str) -> str:
    return _output(path, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()


def _full_version(path: str) -> str:
    """Return it with its last number, or nothing if this Python is still to be installed."""
    if not Path(path).exists():
        return ""
    return _output(path, "-I", "-c", "import platform; print(platform.python_version())").strip()


def _missing(packages: list[str], query: list[str]) -> list[str]:
    return [name for name in packages if not _installed(name, query)]


def _installed(name: str, query: list[str]) -> bool:
    answer = subprocess.run([*query, name], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and "not-installed" not in answer.stdout


def _release_id(digest: str, python: str) -> str:
    """The same project on another Python or processor is another release."""
    what = f"{digest} {python} {platform.machine()}"
    return hashlib.sha256(what.encode()).hexdigest()[:12] if digest else ""


def _link(path: Path) -> str:
    return path.readlink().name if path.is_symlink() else ""


def _gone_pythons(project: Path) -> dict[str, str]:
    """The Pythons that releases were made with and that are no longer on the machine."""
    pythons = {release.name: release / PYTHON for release in project.glob("releases/*")}
    gone = {name: path for name, path in pythons.items() if path.is_symlink() and not path.exists()}
    return {name: str(path.readlink()) for name, path in gone.items()}


def _require_space(free_mib: int) -> None:
    for name in ("/opt", "/var/lib"):
        free = shutil.disk_usage(name).free >> 20
        if free < free_mib:
            raise UnfitError(
                f"{name} has {free} MiB free and a release needs {free_mib} MiB: "
                "make room, or lower prefect_worker_free_mib."
            )


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


def _unit(name: str) -> dict[str, Any]:
    keys = [
        "LoadState",
        "ActiveState",
        "ActiveEnterTimestampMonotonic",
        "MainPID",
        "UnitFileState",
    ]
    options = [f"--property={key}" for key in keys]
    lines = _output("systemctl", "show", name, *options).splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    ago = time.monotonic() - int(found.get("ActiveEnterTimestampMonotonic", "0")) / 1e6
    return {
        "exists": found.get("LoadState") == "loaded",
        "active": found.get("ActiveState") == "active",
        "enabled": found.get("UnitFileState") == "enabled",
        "pid": int(found.get("MainPID", "0")),
        "started": time.time() - ago,
    }


def _active(units: list[str]) -> list[str]:
    """Those that are active; systemd would list all of the machine's if none were named."""
    lines = _output(*LIST, "--state=active", *units).splitlines() if units else []
    return [line.split()[0] for line in lines]


def _needs_reload(units: list[str]) -> bool:
    """Whether systemd does not know yet what is in their files, as after a killed play."""
    command = ("systemctl", "show", "--property=NeedDaemonReload", "--value", *units)
    return "yes" in _output(*command).split() if units else False


def _stale(wanted: dict[str, Any], unit: dict[str, Any]) -> bool:
    """Whether a worker started now would be another one, as after a killed play."""
    current = Path(wanted["project"], "current").resolve()
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


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    main()
