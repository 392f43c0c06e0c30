"""On the control node: the wheel of the one pinned uv for a machine's processor."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

PIN = Path(__file__).resolve().parent.parent / "files" / "uv.txt"


class ActionModule(ActionBase):
    """Answer with the path of the wheel, fetched once and kept in the user's cache."""

    TRANSFERS_FILES = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Look in the wheelhouse, then in the cache, then fetch."""
        super().run(tmp, task_vars)
        options = self._task.args
        architecture = options["architecture"]
        cache = Path(
            os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "prefect-worker", "uv"
        )
        folders = [Path(options["wheelhouse"])] if options["wheelhouse"] else []
        for folder in [*folders, cache]:
            if wheel := _wheel(folder, architecture):
                return {"changed": False, "wheel": str(wheel)}
        _fetch(cache, architecture, Path(options["directory"]), _pip_settings(options))
        if wheel := _wheel(cache, architecture):
            return {"changed": False, "wheel": str(wheel)}
        raise AnsibleActionFail(f"The uv that was fetched into {cache} is not for {architecture}.")


def _wheel(folder: Path, architecture: str) -> Path | None:
    """A wheel of the pinned version, whose content is one that was pinned."""
    pinned = PIN.read_text()
    version = re.search(r"^uv==(\S+)", pinned, re.M)
    name = f"uv-{version.group(1) if version else ''}-*manylinux*{architecture}*.whl"
    for wheel in sorted(folder.glob(name)):
        if hashlib.sha256(wheel.read_bytes()).hexdigest() in pinned:
            return wheel
    return None


def _pip_settings(options: dict[str, Any]) -> dict[str, str]:
    """By the environment, where nobody reads a password in a URL."""
    chosen = {"PIP_INDEX_URL": options["index_url"], "PIP_CERT": options["ca_bundle"]}
    return {name: value for name, value in chosen.items() if value}


def _fetch(cache: Path, architecture: str, project: Path, settings: dict[str, str]) -> None:
    if not (python := _python_with_pip(project)):
        raise AnsibleActionFail(
            "No Python with pip on this computer to fetch uv with: install pip, or put uv's wheel "
            "into the wheelhouse."
        )
    command = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:", f"--platform=manylinux_2_17_{architecture}"]
    command += ["--dest", str(cache), "--requirement", str(PIN)]
    environment = {**os.environ, **settings}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise AnsibleActionFail(f"uv cannot be fetched on this computer: {' '.join(last)}")


def _python_with_pip(project: Path) -> str:
    candidates = [sys.executable, str(project / ".venv/bin/python"), shutil.which("python3") or ""]
    for python in filter(os.path.exists, candidates):
        if (
            subprocess.run(
                [python, "-m", "pip", "--version"], capture_output=True, check=False
            ).returncode
            == 0
        ):
            return python
    return ""
