#!/usr/bin/python
"""Remove old releases that nothing uses, and packages that no release has from uv's cache."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_cache import prune
from ansible.module_utils.prefect_worker_lock import alone_in
from ansible.module_utils.prefect_worker_transaction import LINKS
from ansible.module_utils.prefect_worker_units import UNITS
from ansible.module_utils.prefect_worker_venv import cache_of

ARGUMENTS: dict[str, dict[str, Any]] = {
    "project": {"type": "path", "required": True},
    "keep": {"type": "int", "required": True},
    "uv": {"type": "path", "required": True},
}
WORKERS = "prefect-worker-*.service"
TRANSACTIONS = Path("/etc/prefect/.transactions")


def main() -> None:
    """Keep the newest releases and all that are needed."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    project, cache = Path(module.params["project"]), cache_of(Path(module.params["uv"]))
    # A release that another worker's play is still making is not ready, and so would go.
    with alone_in(project.parent):
        if not module.check_mode:
            _forget_shared_links(project)
        old = _remove(project, module.params["keep"], act=not module.check_mode)
    if not module.check_mode:
        # What is fetched for a release that is being made is not in it yet.
        with alone_in(cache):
            prune(cache)
    module.exit_json(changed=bool(old), removed=[release.name for release in old])


def _forget_shared_links(project: Path) -> None:
    """Remove the links that all workers of a project had in common, when none has them any more."""
    if not (project / "workers").is_dir():
        # Of something else, which has the only ones.
        return
    started = f"WorkingDirectory={project}/current\n"
    # An unfinished play of another worker may be undone, to the unit that it had before.
    units = [*UNITS.glob(WORKERS), *TRANSACTIONS.glob(f"*/files{UNITS}/{WORKERS}")]
    if not any(started in unit.read_text() for unit in units):
        for name in LINKS:
            (project / name).unlink(missing_ok=True)


def _remove(project: Path, keep: int, act: bool) -> list[Path]:
    releases = sorted(project.glob("releases/*"), key=_age, reverse=True)
    links = [project, *project.glob("workers/*")]
    linked = {(folder / name).resolve() for folder in links for name in LINKS}
    old = [r for r in releases[keep:] if r not in linked and not _in_use(r)]
    if act:
        for release in old:
            shutil.rmtree(release)
    return old


def _age(release: Path) -> float:
    ready = release / ".ready"
    return ready.stat().st_mtime if ready.exists() else 0


def _in_use(release: Path) -> bool:
    """Whether a process was started from the release, has it in its environment, or is in it."""
    name = os.fsencode(release)
    return any(
        name in trace for process in Path("/proc").glob("[0-9]*") for trace in _traces(process)
    )


def _traces(process: Path) -> list[bytes]:
    # A process may end while it is looked at.
    with contextlib.suppress(OSError):
        links = os.fsencode((process / "cwd").readlink())
        return [links, (process / "cmdline").read_bytes(), (process / "environ").read_bytes()]
    return []


if __name__ == "__main__":
    main()
