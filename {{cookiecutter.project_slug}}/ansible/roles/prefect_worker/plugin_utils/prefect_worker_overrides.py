"""The check of systemd settings that go into drop-ins, some of which are the role's own."""

from __future__ import annotations

import re
from typing import Any

from prefect_worker_texts import CONTROL
from prefect_worker_wrong import WrongError

OWN = {
    "Environment": "prefect_worker_environment",
    "EnvironmentFile": "prefect_worker_environment",
    "ExecStart": "the role",
    "MemoryMax": "prefect_worker_memory_max",
    "StateDirectory": "prefect_worker_project",
    "Type": "the role",
    "User": "prefect_worker_user",
    "WorkingDirectory": "the role",
}
# One setting, by its present name and by its old one.
HIDING = ("InaccessiblePaths", "InaccessibleDirectories")


def overrides(value: dict[str, Any], _: dict[str, Any]) -> None:
    """Accept settings by their names, each with one value or a list of them."""
    for name, content in value.items():
        if not re.fullmatch(r"[A-Z][A-Za-z]+", str(name)):
            raise WrongError(
                f"is not accepted because of {name!r}: systemd's names, ReadWritePaths for one."
            )
        if name in OWN:
            raise WrongError(f"is not accepted: {name} is a matter of {OWN[name]}.")
        for one in content if isinstance(content, list) else [content]:
            if not isinstance(one, (str, int, float)) or CONTROL.search(str(one)):
                raise WrongError(
                    f"is not accepted because of {name}: texts, numbers or yes and no, on one line."
                )
            # In it are the way out of the sandbox, and what sendmail would wait for without end.
            if name in HIDING and not str(one).strip():
                raise WrongError(f"is not accepted: {name} can be added to, not emptied.")
