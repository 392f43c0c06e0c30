#!/usr/bin/python
"""Have the images of a release in the engine of the workers, under the names that runs ask for.

A release's images are written down with it, and have a name of their own in the engine as long as
the release is there: another release takes the other names away from them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_atomic import UnwrittenError, replace
from ansible.module_utils.prefect_worker_infrastructure import IMAGES
from ansible.module_utils.prefect_worker_transaction import ARGUMENT, HeldError, begin

ARGUMENTS: dict[str, dict[str, Any]] = {
    "address": {"type": "str", "required": True},
    "images": {"type": "dict", "default": {}},
    "archive": {"type": "str", "default": ""},
    "release": {"type": "path"},
    "instead_of": {"type": "path"},
    "current": {"type": "path"},
    "snapshot": {"type": "path"},
    "missing": {"type": "list", "elements": "path", "default": []},
    "restore": {"type": "bool", "default": False},
    "recorded": {"type": "dict", "default": {}},
    "releases": {"type": "path"},
    "transaction": ARGUMENT,
}


class Engine:
    """The Podman of the workers."""

    def __init__(self, module: AnsibleModule) -> None:
        """Take the module's parameters; Podman is not there yet in check mode."""
        self._module = module
        self.program = module.get_bin_path("podman")
        self._podman = [self.program or "podman", "--url", module.params["address"]]

    def id(self, name: str) -> str:
        """Return the id of what has the name, or an empty string."""
        inspect = ["image", "inspect", "--format", "{{.Id}}", name]
        return str(self._module.run_command([*self._podman, *inspect])[1]).strip()

    def ids(self, names: dict[str, str]) -> dict[str, str]:
        """Return the id of what has each name."""
        return {name: self.id(name) for name in names} if self.program else {}

    def name(self, names: dict[str, str]) -> bool:
        """Give images their names, as far as they are there; a name without an image goes."""
        changed = False
        for name, wanted in names.items():
            there = self.id(name)
            if there == wanted or (wanted and not self.id(wanted)):
                continue
            changed = True
            if not self._module.check_mode:
                self.do(*(["tag", wanted] if wanted else ["untag", there]), name)
        return changed

    def all(self) -> list[tuple[str, str]]:
        """Return the name and the id of each image that has a name."""
        shown = self.do("images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}")
        pairs = (line.split() for line in shown.splitlines())
        return [(name, found.removeprefix("sha256:")) for name, found in pairs]

    def do(self, *command: str) -> str:
        """Run a command that has to succeed."""
        return str(self._module.run_command([*self._podman, *command], check_rc=True)[1])


def main() -> None:
    """Put names back, undo, go to another release, forget those that are gone, or bring images."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    engine = Engine(module)
    if module.params["restore"]:
        _restore(module, engine)
    elif module.params["releases"]:
        _forget(module, engine, Path(module.params["releases"]))
    elif module.params["instead_of"]:
        _go(module, engine)
    elif module.params["snapshot"]:
        _undo(module, engine)
    else:
        _bring(module, engine)


def _bring(module: AnsibleModule, engine: Engine) -> None:
    """Load the archive if there is one, else tell which of its images are not there.

    `before` is what had these names before.
    """
    images, archive = module.params["images"], module.params["archive"]
    before, recorded = engine.ids(images), _record(Path(module.params["release"]))
    if (before, recorded) != (images, images):
        _begin(module)
    changed = bool(archive) or bool(engine.program and engine.name(images))
    if archive:
        engine.do("load", "--input", archive)
    found = before if module.check_mode else engine.ids(images)
    missing = [name for name, wanted in images.items() if found.get(name) != wanted]
    if archive and missing:
        module.fail_json(msg=f"Podman loaded the archive, but has no {', '.join(missing)} from it.")
    if not missing:
        changed = _keep(module, engine, images) or changed
    told = "".join(f"+ {name} {wanted[:12]}\n" for name, wanted in images.items())
    module.exit_json(
        changed=changed,
        missing=missing,
        before=before if changed else {},
        recorded=recorded,
        diff={"prepared": told if changed else ""},
    )


def _begin(module: AnsibleModule) -> None:
    """Join or begin the transaction, which can restore names as well as files."""
    wanted = module.params["transaction"]
    try:
        if wanted and not module.check_mode:
            begin(wanted, [str(Path(module.params["release"], IMAGES))])
    except (HeldError, UnwrittenError) as error:
        module.fail_json(msg=str(error))


def _keep(module: AnsibleModule, engine: Engine, images: dict[str, str]) -> bool:
    """Let the images stay as long as the release does."""
    release = Path(module.params["release"])
    changed = _record(release) != images
    if changed and not module.check_mode:
        _write(release, images)
    return engine.name(dict(zip(_own_names(release), images.values(), strict=False))) or changed


def _restore(module: AnsibleModule, engine: Engine) -> None:
    """Have names, and what belongs to the release, as they were before it was brought."""
    images, recorded = module.params["images"], module.params["recorded"]
    release = Path(module.params["release"])
    _write(release, recorded)
    engine.name(images)
    kept = [*recorded.values(), *[""] * len(images)]
    engine.name(dict(zip(_own_names(release)[: len(images)], kept, strict=False)))
    module.exit_json(changed=True)


def _go(module: AnsibleModule, engine: Engine) -> None:
    """Have runs that ask for an image of one release start with that of another."""
    release, other = Path(module.params["release"]), Path(module.params["instead_of"])
    images = _record(release)
    if not images and _record(other):
        module.warn(f"No image came with {release.name}: runs keep the one that they have now.")
    if gone := [name for name, wanted in images.items() if not engine.id(wanted)]:
        module.fail_json(msg=f"The image {gone[0]} of {release.name} is not in the engine.")
    repositories = {name.rpartition(":")[0]: wanted for name, wanted in images.items()}
    for name in _record(other):
        images.setdefault(name, repositories.get(name.rpartition(":")[0], ""))
    images = {name: wanted for name, wanted in images.items() if wanted}
    before = engine.ids(images)
    module.exit_json(changed=engine.name(images), before=before, recorded=_record(release))


def _undo(module: AnsibleModule, engine: Engine) -> None:
    """Name images as before a play that was interrupted; what it alone brought loses its names."""
    release, current = Path(module.params["release"]), Path(module.params["current"])
    others = [other for other in release.parent.iterdir() if other != release]
    known = {name: wanted for other in others for name, wanted in _record(other).items()}
    images = {name: known.get(name, "") for name in _record(release)}
    if (saved := Path(module.params["snapshot"], *release.parts[1:])).exists():
        images |= _record(saved)
    elif str(release / IMAGES) not in module.params["missing"]:
        # The play went back to it.
        images |= _record(release)
    images |= _record(current) if current != release else {}
    module.exit_json(changed=bool(engine.program) and engine.name(images))


def _forget(module: AnsibleModule, engine: Engine, releases: Path) -> None:
    """Take names away that only releases had that are gone."""
    kept = list(releases.iterdir())
    names = {_full(name) for release in kept for name in _record(release)}
    names |= {name for release in kept for name in _own_names(release)}
    repositories = {name.rpartition(":")[0] for name in names}
    gone = [
        (name, found)
        for name, found in engine.all()
        if name.rpartition(":")[0] in repositories and name not in names
    ]
    for name, found in gone:
        engine.do("untag", found, name)
    module.exit_json(changed=bool(gone))


def _full(name: str) -> str:
    """Return the name as Podman writes it; one without a registry is of this machine."""
    return name if "/" in name else f"localhost/{name}"


def _write(release: Path, images: dict[str, str]) -> None:
    """Write down which images belong to the release."""
    # Not in place, as the snapshot of a play has the same file by another name.
    replace(release / IMAGES, json.dumps(images).encode(), 0o644)


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
