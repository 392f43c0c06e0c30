#!/usr/bin/python
"""Tell which containers of a worker run."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_containers import of_worker

ARGUMENTS: dict[str, dict[str, Any]] = {
    "address": {"type": "str", "required": True},
    "worker": {"type": "str", "required": True},
}


def main() -> None:
    """Fail if the engine does not say: that is not the same as none."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    found, wrong = of_worker(module, module.params["address"], module.params["worker"])
    if wrong:
        module.fail_json(msg=f"It is not known which containers run: {wrong}")
    module.exit_json(changed=False, containers=found)


if __name__ == "__main__":
    main()
