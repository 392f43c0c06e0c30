#!/usr/bin/python
"""Put units and settings back as they were before the play."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_before import restore

ARGUMENTS: dict[str, dict[str, Any]] = {"kept": {"type": "path", "required": True}}


def main() -> None:
    """Put them back and tell which."""
    module = AnsibleModule(ARGUMENTS)
    os.umask(0o077)
    module.exit_json(changed=True, paths=restore(Path(module.params["kept"])))


if __name__ == "__main__":
    main()
