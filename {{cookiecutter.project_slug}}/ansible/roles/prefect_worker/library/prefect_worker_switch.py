#!/usr/bin/python
"""Make a release the one that a worker starts with and that its new runs are executed in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_atomic import UnwrittenError, link
from ansible.module_utils.prefect_worker_lock import alone_in
from ansible.module_utils.prefect_worker_program import same_worker
from ansible.module_utils.prefect_worker_transaction import ARGUMENT, HeldError, begin, held

ARGUMENTS: dict[str, dict[str, Any]] = {
    "project": {"type": "path", "required": True},
    "links_in": {"type": "path", "required": True},
    "before": {"type": "str", "default": ""},
    "release": {"type": "str", "required": True},
    "transaction": {**ARGUMENT, "required": True},
}
# As the links have it.
RELEASES = "../../releases"


class MovedError(Exception):
    """Which release another play has switched to."""


def main() -> None:
    """Move both links; `restart` tells whether the worker has to be started with the release."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    # The worker has to get to its release, however strict root's own habit is.
    os.umask(0o022)
    project = Path(wanted["project"])
    before, release = wanted["before"], wanted["release"]
    try:
        if not module.check_mode:
            begin(wanted["transaction"], [])
            with held(wanted["transaction"]), alone_in(project.parent):
                _switch(Path(wanted["links_in"]), before, release)
    except (UnwrittenError, HeldError, MovedError) as error:
        module.fail_json(msg=str(error))
    folders = [project / "releases" / name for name in (before, release)]
    module.exit_json(
        changed=True,
        restart=not (before and same_worker(*folders)),
        diff={"before": f"current: {before}\n", "after": f"current: {release}\n"},
    )


def _switch(links: Path, before: str, release: str) -> None:
    current = links / "current"
    found = current.readlink().name if current.is_symlink() else ""
    if found not in (before, release):
        raise MovedError(
            f"Another play has switched {links} from the release {before or 'none'} to {found} "
            "in the meantime: play again."
        )
    link(links / "previous", f"{RELEASES}/{before}" if before else "")
    link(current, f"{RELEASES}/{release}")


if __name__ == "__main__":
    main()
