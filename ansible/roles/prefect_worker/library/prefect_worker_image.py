#!/usr/bin/python
"""Bring an image into the engine of the workers, unless it is there, or put one back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS: dict[str, dict[str, Any]] = {
    "address": {"type": "str", "required": True},
    "images": {"type": "dict", "required": True},
    "archive": {"type": "str", "default": ""},
    "put_back": {"type": "bool", "default": False},
}


def main() -> None:
    """Load the archive if there is one, else tell which of its images are not there.

    `before` are the images that had these names before the load.
    """
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    images: dict[str, str] = module.params["images"]
    # Not there yet in check mode.
    program = module.get_bin_path("podman")
    podman = [program or "podman", "--url", module.params["address"]]
    if module.params["put_back"]:
        for name, wanted in images.items():
            module.run_command([*podman, "tag", wanted, name], check_rc=True)
        module.exit_json(changed=True)
    found = _found(module, podman, images) if program else {}
    before = {name: there for name, there in found.items() if there}
    if archive := module.params["archive"]:
        module.run_command([*podman, "load", "--input", archive], check_rc=True)
        found = _found(module, podman, images)
    missing = [name for name, wanted in images.items() if found.get(name) != wanted]
    if archive and missing:
        module.fail_json(msg=f"Podman loaded the archive, but has no {', '.join(missing)} from it.")
    told = "".join(f"+ {name} {wanted[:12]}\n" for name, wanted in images.items())
    module.exit_json(
        changed=bool(archive),
        missing=missing,
        before=before if archive else {},
        diff={"prepared": archive and told},
    )


def _found(module: AnsibleModule, podman: list[str], names: Iterable[str]) -> dict[str, str]:
    """The id of what has each name; empty if nothing has."""
    inspect = [*podman, "image", "inspect", "--format", "{{.Id}}"]
    return {name: module.run_command([*inspect, name])[1].strip() for name in names}


if __name__ == "__main__":
    main()
