"""On the control node: bring an image's archive to a machine that has not got the image."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Ask what is missing, and copy the archive only then."""

    TRANSFERS_FILES = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Answer what the module answers."""
        super().run(tmp, task_vars)
        if "archive" not in self._task.args:
            answered: dict[str, Any] = self._execute_module(task_vars=task_vars)
            return answered
        archive = Path(self._task.args["archive"])
        options = {**self._task.args, "images": _images(archive), "archive": ""}
        answer: dict[str, Any] = self._execute_module(module_args=options, task_vars=task_vars)
        if not answer.get("missing"):
            return answer
        if self._task.check_mode:
            told = "".join(f"+ {name}\n" for name in answer["missing"])
            return {"changed": True, "diff": {"prepared": told}}
        self._make_tmp_path()
        shell = self._connection._shell
        options["archive"] = shell.join_path(shell.tmpdir, "image.tar")
        try:
            self._transfer_file(str(archive), options["archive"])
            answer = self._execute_module(module_args=options, task_vars=task_vars)
        finally:
            self._remove_tmp_path(shell.tmpdir)
        return answer


def _images(archive: Path) -> dict[str, str]:
    """The id of each image by its name."""
    try:
        with tarfile.open(archive) as packed:
            manifest = packed.extractfile("manifest.json")
            described = json.load(manifest) if manifest else []
    except (OSError, KeyError, ValueError, tarfile.TarError) as error:
        raise AnsibleActionFail(
            f"prefect_worker_image_archive is {str(archive)!r}, which is no archive that "
            f"`docker save` makes: {error}"
        ) from error
    found = {name: _id(image["Config"]) for image in described for name in image["RepoTags"] or []}
    if not found:
        raise AnsibleActionFail(
            f"prefect_worker_image_archive is {str(archive)!r}, which has no image with a name: "
            "give `docker save` the image's name, not its id."
        )
    return found


def _id(config: str) -> str:
    """Docker names the configuration after the image's id, in one place or another."""
    found = re.search(r"[0-9a-f]{64}", config)
    return found[0] if found else ""
