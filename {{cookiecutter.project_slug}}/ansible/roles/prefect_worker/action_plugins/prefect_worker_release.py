"""On the control node: bring a release's archive to the machine along with the module."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """The module, with its archive beside it."""

    TRANSFERS_FILES = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Answer what the module answers."""
        super().run(tmp, task_vars)
        options = dict(self._task.args)
        if archive := options["archive"]:
            shell = self._connection._shell
            options["archive"] = shell.join_path(shell.tmpdir, "project.tar")
            self._transfer_file(archive, options["archive"])
        try:
            answer: dict[str, Any] = self._execute_module(module_args=options, task_vars=task_vars)
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return answer
