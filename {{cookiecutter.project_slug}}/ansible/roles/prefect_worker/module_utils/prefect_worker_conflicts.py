"""Whether another worker of this machine has the same project or the same name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible.module_utils.prefect_worker_fitness import UnfitError


def require_one_user(wanted: dict[str, Any], units: Path) -> None:
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


def require_own_unit(wanted: dict[str, Any], units: Path) -> None:
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
