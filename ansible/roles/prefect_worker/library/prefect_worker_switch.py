#!/usr/bin/python
"""Make a release the one that workers start with and that new flow runs are executed in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_lock import alone_in
from ansible.module_utils.prefect_worker_program import same_worker

ARGUMENTS: dict[str, dict[str, Any]] = {
    "project": {"type": "path", "required": True},
    "before": {"type": "str", "default": ""},
    "release": {"type": "str", "required": True},
}


def main() -> None:
    """Move both links; `restart` tells whether a worker of the release before has to follow."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    project = Path(module.params["project"])
    before, release = module.params["before"], module.params["release"]
    if not module.check_mode:
        with alone_in(project.parent):
            _switch(project, before, release)
    folders = [project / "releases" / name for name in (before, release)]
    module.exit_json(
        changed=True,
        restart=not (before and same_worker(*folders)),
        diff={"before": f"current: {before}\n", "after": f"current: {release}\n"},
    )


def _switch(project: Path, before: str, release: str) -> None:
    if before:
        _link(project / "previous", before)
    else:
        (project / "previous").unlink(missing_ok=True)
    _link(project / "current", release)


def _link(link: Path, release: str) -> None:
    """Replace it in one step: at no moment is there none."""
    new = link.with_name(f".{link.name}")
    new.unlink(missing_ok=True)
    new.symlink_to(Path("releases", release))
    new.replace(link)


if __name__ == "__main__":
    main()
