#!/usr/bin/python
"""Make the key by which this machine opens its own backups, to try and to restore them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_atomic import UnwrittenError, replace

ARGUMENTS: dict[str, dict[str, Any]] = {"path": {"type": "path", "required": True}}
MODE = 0o600


def main() -> None:
    """Write it once, for root alone; answer with its public half."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    path = Path(module.params["path"])
    is_missing = not path.exists()
    if is_missing and module.check_mode:
        module.exit_json(changed=True, recipient="")
    if is_missing:
        _, made, _ = module.run_command(["age-keygen"], check_rc=True)
        try:
            replace(path, made.encode(), MODE)
        except UnwrittenError as error:
            module.fail_json(msg=str(error))
    _, recipient, _ = module.run_command(["age-keygen", "-y", str(path)], check_rc=True)
    module.exit_json(changed=is_missing, recipient=recipient.strip())


if __name__ == "__main__":
    main()
