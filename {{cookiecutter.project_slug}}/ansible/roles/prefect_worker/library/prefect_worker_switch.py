#!/usr/bin/python
"""Make a release the one that workers start with and that new flow runs are executed in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_atomic import UnwrittenError, link
from ansible.module_utils.prefect_worker_lock import alone_in
from ansible.module_utils.prefect_worker_program import same_worker
from ansible.module_utils.prefect_worker_transaction import ARGUMENT, HeldError, begin, held

ARGUMENTS: dict[str, dict[str, Any]] = {
    "project": {"type": "path", "required": True},
    "before": {"type": "str", "default": ""},
    "release": {"type": "str", "required": True},
    "transaction": {**ARGUMENT, "required": True},
}


class MovedError(Exception):
    """Which release another play has switched to."""


def main() -> None:
    """Move both links; `restart` tells whether a worker of the release before has to follow."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    project = Path(wanted["project"])
    before, release = wanted["before"], wanted["release"]
    try:
        if not module.check_mode:
            begin(wanted["transaction"], [])
            with held(wanted["transaction"]), alone_in(project.parent):
                _switch(project, before, release)
    except (UnwrittenError, HeldError, MovedError) as error:
        module.fail_json(msg=str(error))
    folders = [project / "releases" / name for name in (before, release)]
    module.exit_json(
        changed=True,
        restart=not (before and same_worker(*folders)),
        diff={"before": f"current: {before}\n", "after": f"current: {release}\n"},
    )


def _switch(project: Path, before: str, release: str) -> None:
    current = project / "current"
    found = current.readlink().name if current.is_symlink() else ""
    # Another worker of the project may have switched already, to the same release.
    if found not in (before, release):
        raise MovedError(
            f"Another play has switched {project} from the release {before or 'none'} to {found} "
            "in the meantime: play again."
        )
    link(project / "previous", f"releases/{before}" if before else "")
    link(current, f"releases/{release}")


if __name__ == "__main__":
    main()
