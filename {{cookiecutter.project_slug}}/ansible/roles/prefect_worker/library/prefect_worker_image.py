#!/usr/bin/python
"""Have the images of a release in the engine of the workers, under the names that runs ask for.

A release's images are written down with it, and have a name of their own in the engine as long as
the release is there: another release takes the other names away from them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_atomic import UnwrittenError, replace
from ansible.module_utils.prefect_worker_infrastructure import IMAGES
from ansible.module_utils.prefect_worker_podman import Podman
from ansible.module_utils.prefect_worker_transaction import ARGUMENT, HeldError, begin, held

ARGUMENTS: dict[str, dict[str, Any]] = {
    "address": {"type": "str", "required": True},
    "images": {"type": "dict", "default": {}},
    "archive": {"type": "str", "default": ""},
    "release": {"type": "path"},
    "instead_of": {"type": "path"},
    "releases": {"type": "path"},
    "transaction": ARGUMENT,
}


def main() -> None:
    """Go to another release, forget those that are gone, or bring images."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    podman = Podman(module, module.params["address"])
    try:
        if module.params["releases"]:
            _forget(module, podman, Path(module.params["releases"]))
        elif module.params["instead_of"]:
            _go(module, podman)
        else:
            _bring(module, podman)
    except (HeldError, UnwrittenError) as error:
        module.fail_json(msg=str(error))


def _bring(module: AnsibleModule, podman: Podman) -> None:
    """Load the archive if there is one, else tell which of its images are not there."""
    images, archive = module.params["images"], module.params["archive"]
    release = Path(module.params["release"])
    own = dict(zip(_own_names(release), images.values()))
    before = podman.ids({**images, **own})
    changed = (before, _record(release)) != ({**images, **own}, images)
    with _in_transaction(module, before if changed else {}):
        if archive:
            podman.load(archive)
        elif podman.is_there:
            podman.name(images)
        found = before if module.check_mode else podman.ids(images)
        missing = [name for name, wanted in images.items() if found.get(name) != wanted]
        if archive and missing:
            what = ", ".join(missing)
            module.fail_json(msg=f"Podman loaded the archive, but has no {what} from it.")
        if changed and not missing and not module.check_mode:
            # The images stay as long as the release does.
            replace(release / IMAGES, json.dumps(images).encode(), 0o644)
            podman.name(own)
    told = "".join(f"+ {name} {wanted[:12]}\n" for name, wanted in images.items())
    module.exit_json(changed=changed, missing=missing, diff={"prepared": told if changed else ""})


@contextlib.contextmanager
def _in_transaction(module: AnsibleModule, before: dict[str, str]) -> Iterator[None]:
    """Have on the disk what has these names, and nobody undo what is done meanwhile."""
    wanted = None if module.check_mode else module.params["transaction"]
    if wanted and before:
        begin(wanted, [str(Path(module.params["release"], IMAGES))], before)
    with held(wanted):
        yield


def _go(module: AnsibleModule, podman: Podman) -> None:
    """Have runs that ask for an image of one release start with that of another."""
    release, other = Path(module.params["release"]), Path(module.params["instead_of"])
    images = _record(release)
    if not images and _record(other):
        module.warn(f"No image came with {release.name}: runs keep the one that they have now.")
    if gone := [name for name, wanted in images.items() if not podman.id(wanted)]:
        module.fail_json(msg=f"The image {gone[0]} of {release.name} is not in the engine.")
    repositories = {name.rpartition(":")[0]: wanted for name, wanted in images.items()}
    for name in _record(other):
        images.setdefault(name, repositories.get(name.rpartition(":")[0], ""))
    images = {name: wanted for name, wanted in images.items() if wanted}
    with _in_transaction(module, podman.ids(images)):
        changed = podman.name(images)
    module.exit_json(changed=changed)


def _forget(module: AnsibleModule, podman: Podman, releases: Path) -> None:
    """Take names away that only releases had that are gone."""
    kept = list(releases.iterdir())
    names = {_full(name) for release in kept for name in _record(release)}
    names |= {name for release in kept for name in _own_names(release)}
    repositories = {name.rpartition(":")[0] for name in names}
    gone = [
        (name, found)
        for name, found in podman.all()
        if name.rpartition(":")[0] in repositories and name not in names
    ]
    for name, found in gone:
        podman.do("untag", "--", found, name)
    module.exit_json(changed=bool(gone))


def _full(name: str) -> str:
    """Return the name as Podman writes it; one without a registry is of this machine."""
    return name if "/" in name else f"localhost/{name}"


def _own_names(release: Path) -> list[str]:
    """Return names for the images of a release that no other release takes away."""
    project = release.parents[1].name.lower()
    return [f"localhost/prefect-release/{project}:{release.name}-{number}" for number in range(9)]


def _record(release: Path) -> dict[str, str]:
    try:
        images: dict[str, str] = json.loads((release / IMAGES).read_text())
    except (OSError, ValueError):
        return {}
    return images


if __name__ == "__main__":
    main()
