"""What a machine has, and whether it is fit for what a role makes of it."""

from __future__ import annotations

import os
import platform
import pwd
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.prefect_worker_owned import changeable

OLDEST_PYTHON = (3, 11)
# What dpkg says of packages whose installation was interrupted, or that were removed.
UNFINISHED = {"not-installed", "config-files", "half-installed", "unpacked", "half-configured"}
PYTHONS = ["python3", *(f"python3.{minor}" for minor in (13, 12, 11))]


class UnfitError(Exception):
    """Why this machine cannot become what is wanted, in one sentence."""


def require_root() -> None:
    """Refuse to work as anybody else."""
    if os.geteuid() != 0:
        raise UnfitError("The role has to be root on this machine: play it with `become: true`.")


def require_architecture(known: list[str]) -> None:
    """Refuse a processor that is not among the known ones."""
    if platform.machine() not in known:
        raise UnfitError(
            f"This machine's processor is {platform.machine()}, for which Prefect's packages have "
            f"no wheels: {' or '.join(known)} is required."
        )


def family_of(families: dict[str, Any]) -> dict[str, Any]:
    """Return what the machine's family of systems has in common."""
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


def systemd_version() -> int:
    """Return systemd's version, 0 without one."""
    if not shutil.which("systemctl"):
        return 0
    return _numbers(output_of("systemctl", "--version"))[0]


def require_systemd(oldest: int) -> None:
    """Refuse a machine without systemd, or with one that is too old."""
    if not Path("/run/systemd/system").is_dir():
        raise UnfitError("systemd is not running this machine, and the role makes services of it.")
    if systemd_version() < oldest:
        raise UnfitError(f"systemd {systemd_version()} is too old: {oldest} or newer is needed.")


def user_exists(name: str) -> bool:
    """Return whether the machine has the user."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def require_own(paths: list[str], why: str) -> None:
    """Refuse what others than root may change, and root works with."""
    for path in paths:
        if found := changeable(Path(path)):
            raise UnfitError(
                f"{found} can be changed by others than root, and {why}: "
                "make root its owner, and the only one who may write."
            )


def python_of(wanted: str, family: dict[str, Any], variable: str) -> tuple[str, str]:
    """Return path and version of the machine's Python, which `variable` may name."""
    oldest = "Python " + ".".join(map(str, OLDEST_PYTHON))
    for name in [wanted] if wanted else PYTHONS:
        path = shutil.which(name)
        if path and wanted:
            require_own([path], f"root executes it ({variable})")
        version = _python_version(path) if path and not changeable(Path(path)) else ""
        if path and _numbers(version) >= OLDEST_PYTHON:
            return path, version
    if wanted:
        raise UnfitError(f"{wanted} ({variable}) is no {oldest} or newer here.")
    if package := family.get("python_package"):
        family["packages"] = [*family["packages"], package]
        return str(family["python"]), str(family["python_version"])
    raise UnfitError(f"No {oldest} or newer here: install one, name it in {variable}.")


def _python_version(path: str) -> str:
    return output_of(path, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()


def full_version(path: str) -> str:
    """Return it with its last number, or nothing if this Python is still to be installed."""
    if not Path(path).exists():
        return ""
    return output_of(path, "-I", "-c", "import platform; print(platform.python_version())").strip()


def missing_packages(packages: list[str], query: list[str]) -> list[str]:
    """Return the packages that are still to be installed."""
    return [name for name in packages if not _installed(name, query)]


def _installed(name: str, query: list[str]) -> bool:
    answer = subprocess.run([*query, name], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() not in UNFINISHED


def require_space(free_mib: int, variable: str) -> None:
    """Refuse a machine with less free space; `variable` sets how much."""
    for name in ("/opt", "/var/lib"):
        free = shutil.disk_usage(name).free >> 20
        if free < free_mib:
            raise UnfitError(
                f"{name} has {free} MiB free and a release needs {free_mib} MiB: "
                f"make room, or lower {variable}."
            )


def unit_state(name: str) -> dict[str, Any]:
    """Return what systemd knows of a unit."""
    keys = [
        "LoadState",
        "ActiveState",
        "ActiveEnterTimestampMonotonic",
        "MainPID",
        "UnitFileState",
    ]
    options = [f"--property={key}" for key in keys]
    lines = output_of("systemctl", "show", name, *options).splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    ago = time.monotonic() - int(found.get("ActiveEnterTimestampMonotonic", "0")) / 1e6
    return {
        "exists": found.get("LoadState") == "loaded",
        "active": found.get("ActiveState") == "active",
        "enabled": found.get("UnitFileState") == "enabled",
        "pid": int(found.get("MainPID", "0")),
        "started": time.time() - ago,
    }


def needs_reload(units: list[str]) -> bool:
    """Whether systemd does not know yet what is in their files, as after a killed play."""
    command = ("systemctl", "show", "--property=NeedDaemonReload", "--value", *units)
    return "yes" in output_of(*command).split() if units else False


def output_of(*command: str) -> str:
    """Return what a command prints, however it ends."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
