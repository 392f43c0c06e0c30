#!/usr/bin/python
"""Make a release of the project: code, locked dependencies and Prefect, proved before it counts."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_archive import UV_WHEEL, bring_uv, label, unpack
from ansible.module_utils.prefect_worker_atomic import UnwrittenError, replace
from ansible.module_utils.prefect_worker_lock import alone_in
from ansible.module_utils.prefect_worker_proved import is_proved, is_whole, prove
from ansible.module_utils.prefect_worker_sandboxed import run_as_worker
from ansible.module_utils.prefect_worker_secrets import secrets_in
from ansible.module_utils.prefect_worker_venv import (
    COMPANIONS,
    NoReleaseError,
    cache_of,
    make_venv,
    require,
)

IN_A_WORKSPACE = '. "$0" || { echo "$trouble"; exit 1; }; exec .venv/bin/python "$@"'
ARGUMENTS: dict[str, dict[str, Any]] = {
    "project": {"type": "path", "required": True},
    "pool": {"type": "str", "default": ""},
    "release": {"type": "str", "required": True},
    "archive": {"type": "str", "default": ""},
    "worker_environment": {"type": "str", "default": ""},
    "worker_secrets": {"type": "str", "default": "", "no_log": True},
    "sandbox": {"type": "str", "required": True},
    "overrides": {"type": "str", "default": ""},
    "requirements": {"type": "str", "required": True},
    "entrypoints": {"type": "list", "elements": "str", "default": []},
    "python": {"type": "path", "required": True},
    "uv": {"type": "path", "required": True},
    "ca": {"type": "str", "default": ""},
    "ca_file": {"type": "path", "required": True},
    "api_ca": {"type": "str", "default": ""},
    "api_ca_file": {"type": "path"},
    "index_url": {"type": "str", "default": "", "no_log": True},
    "proxies": {"type": "dict", "default": {}, "no_log": True},
    "user": {"type": "str", "required": True},
    "timeout": {"type": "int", "required": True},
}


def main() -> None:
    """Build and prove, or leave nothing behind."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    # Flow code that does not import may say why with one of them.
    module.no_log_values.update(secrets_in(wanted["worker_secrets"], wanted["index_url"]))
    if module.check_mode:
        what = f"release {wanted['release']} with its flows of the pool\n"
        module.exit_json(changed=True, diff={"prepared": what})
    # Workers have to read it, however strict root's own habit is.
    os.umask(0o022)
    folder = Path(wanted["project"], "releases", wanted["release"])
    # Workers of a project share its releases, and those of the machine share uv with a server.
    shared = Path(wanted["project"]).parent
    shared.mkdir(parents=True, exist_ok=True)
    with alone_in(shared), alone_in(cache_of(Path(wanted["uv"]))):
        _make(module, wanted, folder)


def _make(module: AnsibleModule, wanted: dict[str, Any], folder: Path) -> None:
    if is_proved(folder, wanted["pool"], wanted["entrypoints"]):
        # Another worker of the project on this machine was quicker.
        module.exit_json(changed=False)
    # Workers of another pool may be using it, and have other flows.
    new = not is_whole(folder)
    try:
        if new:
            unpack(Path(wanted["archive"]), folder)
            bring_uv(Path(wanted["uv"]), folder / UV_WHEEL)
        with _authorities(wanted):
            if new:
                _install(folder, wanted)
            _prove(folder, wanted)
        # What is ready after a loss of power, and what others share by hard links, is complete.
        os.sync()
        prove(folder, wanted["pool"], wanted["entrypoints"])
    except (NoReleaseError, UnwrittenError) as failure:
        _fail(module, folder, new, str(failure))
    except (OSError, tarfile.TarError, zipfile.BadZipFile) as failure:
        _fail(module, folder, new, f"The new release is not used: {failure}.")
    module.exit_json(changed=True)


@contextmanager
def _authorities(wanted: dict[str, Any]) -> Iterator[None]:
    """Have files of the authorities there while packages are fetched and flows are imported."""
    files = {wanted["ca_file"]: wanted["ca"]}
    if wanted["api_ca"]:
        files[wanted["api_ca_file"]] = wanted["api_ca"]
    try:
        for path, content in files.items():
            Path(path).write_text(content)
        yield
    finally:
        for path in files:
            Path(path).unlink(missing_ok=True)


def _install(folder: Path, wanted: dict[str, Any]) -> None:
    make_venv(folder, wanted)
    # What the worker's unit reads, so that a run sees its own release and not a later one.
    replace(folder / "release.env", f"PROJECT_DIR={folder}\n".encode(), 0o644)
    _close(folder, pwd.getpwnam(wanted["user"]).pw_gid)
    label(folder)


def _fail(module: AnsibleModule, folder: Path, new: bool, why: str) -> None:
    """End the play; what was there before the play stays."""
    if new:
        shutil.rmtree(folder, ignore_errors=True)
    module.fail_json(msg=why)


def _close(folder: Path, group: int) -> None:
    """Let nobody but the workers read a project; what is the role's own, containers read, too."""
    for path in [folder, *folder.iterdir()]:
        if path.name != COMPANIONS and not path.is_symlink():
            os.chown(path, 0, group)
            # A folder that is passed through shows nothing of what is in it.
            path.chmod(0o751 if path == folder else path.stat().st_mode & ~0o007)


def _prove(folder: Path, wanted: dict[str, Any]) -> None:
    """Ask the release for all its flows, in the sandbox of runs and in a folder like theirs."""
    ours = folder / COMPANIONS
    command = ["/bin/sh", "-c", IN_A_WORKSPACE, str(ours / "workspace.sh"), str(ours / "prove.py")]
    command.append(json.dumps(wanted["entrypoints"]))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir="/run") as settings:
        environment = []
        for name in ("worker_environment", "worker_secrets"):
            environment.append(Path(settings, name))
            environment[-1].write_text(wanted[name])
        done = run_as_worker(command, wanted, folder, environment)
    if done.returncode and time.monotonic() - started > wanted["timeout"]:
        raise NoReleaseError(
            "The new release is not used: its flows do not import in the "
            f"{wanted['timeout']} seconds of prefect_worker_timeout."
        )
    require(done, "it does not prove itself")


if __name__ == "__main__":
    main()
