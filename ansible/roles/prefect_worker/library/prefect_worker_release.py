#!/usr/bin/python
"""Make a release of the project: code, locked dependencies and Prefect, proved before it counts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_shoes import PATH, run_as_worker

ARGUMENTS: dict[str, dict[str, Any]] = {
    "project": {"type": "path", "required": True},
    "release": {"type": "str", "required": True},
    "archive": {"type": "str", "default": ""},
    "worker_environment": {"type": "str", "default": ""},
    "worker_secrets": {"type": "str", "default": "", "no_log": True},
    "requirements": {"type": "str", "required": True},
    "entrypoints": {"type": "list", "elements": "str", "default": []},
    "python": {"type": "path", "required": True},
    "uv": {"type": "path", "required": True},
    "ca": {"type": "str", "default": ""},
    "ca_file": {"type": "path", "required": True},
    "index_url": {"type": "str", "default": "", "no_log": True},
    "proxies": {"type": "dict", "default": {}, "no_log": True},
    "user": {"type": "str", "required": True},
    "timeout": {"type": "int", "required": True},
}
COMPANIONS = ".prefect_worker"
RESTORECON = "/usr/sbin/restorecon"
READY = ".ready"
UV_WHEEL = ".uv.whl"
WHEELS = ".wheels"


class NoReleaseError(Exception):
    """Why there is no release, and the last lines of what was tried."""


def main() -> None:
    """Build and prove, or leave nothing behind."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    if module.check_mode:
        module.exit_json(changed=True, diff={"prepared": f"new release {wanted['release']}\n"})
    # Workers have to read it, however strict root's own habit is.
    os.umask(0o022)
    folder = Path(wanted["project"], "releases", wanted["release"])
    if (folder / READY).exists():
        # Another worker of the project on this machine was quicker.
        module.exit_json(changed=False)
    try:
        _unpack(Path(wanted["archive"]), folder)
        _bring_uv(Path(wanted["uv"]), folder / UV_WHEEL)
        _bring_ca(Path(wanted["ca_file"]), wanted["ca"])
        _install(folder, wanted)
        _prove(folder, wanted)
        (folder / READY).write_text(json.dumps(wanted["entrypoints"]))
    except NoReleaseError as failure:
        shutil.rmtree(folder, ignore_errors=True)
        module.fail_json(msg=str(failure))
    module.exit_json(changed=True)


def _bring_uv(uv: Path, wheel: Path) -> None:
    """Take the one program out of its wheel, and the older uv away."""
    if not wheel.exists():
        return
    with zipfile.ZipFile(wheel) as packed:
        name = next(n for n in packed.namelist() if n.endswith(".data/scripts/uv"))
        uv.parent.mkdir(parents=True, exist_ok=True)
        uv.write_bytes(packed.read(name))
    wheel.unlink()
    uv.chmod(0o755)
    for other in uv.parent.parent.iterdir():
        if other not in (uv.parent, _cache(uv)):
            shutil.rmtree(other)


def _bring_ca(place: Path, authorities: str) -> None:
    """Have them where the worker's settings will say they are."""
    if authorities:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(authorities)


def _cache(uv: Path) -> Path:
    return uv.parent.parent / "cache"


def _unpack(archive: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tarfile.open(archive) as packed:
        packed.extractall(folder)


def _install(folder: Path, wanted: dict[str, Any]) -> None:
    _cache(Path(wanted["uv"])).mkdir(mode=0o700, exist_ok=True)
    environment = _environment(wanted)
    venv = folder / ".venv"
    _run([wanted["uv"], "venv", "--quiet", "--python", wanted["python"], str(venv)], environment)
    install = [wanted["uv"], "pip", "install", "--quiet", "--python", str(venv / "bin/python")]
    install += ["--require-hashes", "--compile-bytecode", "--only-binary", ":all:"]
    if (folder / WHEELS).exists():
        install += ["--offline", "--no-index", "--find-links", str(folder / WHEELS)]
    _run([*install, "--requirement", str(folder / wanted["requirements"])], environment)
    shutil.rmtree(folder / WHEELS, ignore_errors=True)
    # uv makes it writable by everybody, and needs it no more.
    (venv / ".lock").unlink(missing_ok=True)
    _make_importable(folder, venv)
    # What the worker's unit reads, so that a run sees its own release and not a later one.
    (folder / "release.env").write_text(f"PROJECT_DIR={folder}\n")
    if Path(RESTORECON).exists():
        _run([RESTORECON, "-RF", str(folder)], {})


def _environment(wanted: dict[str, Any]) -> dict[str, str]:
    """What uv sees: nothing of this machine's own configuration, which no test ran with."""
    chosen = {
        "PATH": PATH,
        "HOME": "/root",
        "UV_CACHE_DIR": str(_cache(Path(wanted["uv"]))),
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_DEFAULT_INDEX": wanted["index_url"],
        "SSL_CERT_FILE": wanted["ca"] and wanted["ca_file"],
        "HTTP_PROXY": wanted["proxies"].get("http", ""),
        "HTTPS_PROXY": wanted["proxies"].get("https", ""),
        "NO_PROXY": wanted["proxies"].get("no", ""),
    }
    return {name: value for name, value in chosen.items() if value}


def _make_importable(folder: Path, venv: Path) -> None:
    """Put the code on the path without building it: a build would need a backend nobody pinned."""
    site = next(venv.glob("lib/python3.*/site-packages"))
    ours = [folder / "src", folder / COMPANIONS]
    (site / "_project.pth").write_text("".join(f"{root}\n" for root in [*ours, folder]))
    _run([str(venv / "bin/python"), "-m", "compileall", "-q", *map(str, ours)], {}, must=False)


def _prove(folder: Path, wanted: dict[str, Any]) -> None:
    """Ask the release for all its flows, in the worker's shoes."""
    command = [str(folder / ".venv/bin/python"), str(folder / COMPANIONS / "prove.py")]
    command.append(json.dumps(wanted["entrypoints"]))
    with tempfile.TemporaryDirectory(dir="/run") as settings:
        environment = []
        for name in ("worker_environment", "worker_secrets"):
            environment.append(Path(settings, name))
            environment[-1].write_text(wanted[name])
        done = run_as_worker(command, wanted["user"], folder, environment, wanted["timeout"])
    _require(done, "it does not prove itself")


def _run(command: list[str], environment: dict[str, str], must: bool = True) -> None:
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if must:
        _require(done, f"{Path(command[0]).name} fails, so its packages are not installed")


def _require(done: subprocess.CompletedProcess[str], what: str) -> None:
    if done.returncode:
        last = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise NoReleaseError(f"The new release is not used: {what}.\n{last}")


if __name__ == "__main__":
    main()
