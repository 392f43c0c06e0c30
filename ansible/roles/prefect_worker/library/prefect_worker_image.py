#!/usr/bin/python
"""Bring an image into the engine of the workers, unless it is there."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS: dict[str, dict[str, Any]] = {
    "address": {"type": "str", "required": True},
    "images": {"type": "dict", "required": True},
    "archive": {"type": "str", "default": ""},
}


def main() -> None:
    """Load the archive if there is one, else tell which of its images are not there."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    images: dict[str, str] = module.params["images"]
    # Not there yet in check mode.
    program = module.get_bin_path("podman")
    podman = [program or "podman", "--url", module.params["address"]]
    if archive := module.params["archive"]:
        module.run_command([*podman, "load", "--input", archive], check_rc=True)
    missing = []
    for name, wanted in images.items():
        inspect = [*podman, "image", "inspect", "--format", "{{.Id}}", name]
        code, found, _ = module.run_command(inspect) if program else (1, "", "")
        if code or found.strip() != wanted:
            missing.append(name)
    if archive and missing:
        module.fail_json(msg=f"Podman loaded the archive, but has no {', '.join(missing)} from it.")
    told = "".join(f"+ {name} {wanted[:12]}\n" for name, wanted in images.items())
    module.exit_json(changed=bool(archive), missing=missing, diff={"prepared": archive and told})


if __name__ == "__main__":
    main()
