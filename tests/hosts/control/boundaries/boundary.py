"""Ansible callback: notes which tasks changed something, and runs commands after some of them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: boundary
type: aggregate
short_description: Runs commands after tasks
description: For tests alone.
"""
# Where the names of tasks go that changed something, one a line.
NOTES = "BOUNDARY_NOTES"
# Command lines of a shell by the names of tasks; $PPID is the play.
COMMANDS = "BOUNDARY_COMMANDS"


class CallbackModule(CallbackBase):
    """Listens to what machines answer."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "boundary"

    def v2_runner_on_ok(self, result: Any) -> None:
        """Note the task if it changed something, and run its command if it has one."""
        name = result.task.get_name().rpartition(" : ")[2]
        if result.is_changed() and (notes := os.environ.get(NOTES)):
            with Path(notes).open("a") as file:
                file.write(f"{name}\n")
        if command := json.loads(os.environ.get(COMMANDS, "{}")).get(name):
            subprocess.run(["sh", "-c", command], check=False)
