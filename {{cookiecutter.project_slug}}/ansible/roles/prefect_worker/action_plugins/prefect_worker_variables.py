"""On the control node: one sentence for each variable of a role that has a wrong value."""

from __future__ import annotations

import difflib
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

# Ansible lets plugins of collections import from their plugin_utils, those of roles from nowhere.
sys.path.extend(
    str(Path(__file__).resolve().parents[2] / role / "plugin_utils")
    for role in ("prefect_worker", "prefect_server")
)

from prefect_worker_types import converted
from prefect_worker_wrong import Check, WrongError

ROLES = Path(__file__).resolve().parent.parent.parent
SECRET = {
    *("api_key", "auth_string", "environment", "ssh_key"),
    *("backup_environment", "alert_environment"),
    *("index_url", "http_proxy", "https_proxy"),
}
# What a worker that goes no longer needs, and may be gone itself.
FOR_PRESENT = {"api_ca_bundle", "api_url", "ca_bundle", "image_archive", "wheelhouse"}


class ActionModule(ActionBase):
    """Fail with all sentences, or change nothing."""

    TRANSFERS_FILES = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Compare the variables with their description."""
        super().run(tmp, task_vars)
        role = self._task.args.get("role", "prefect_worker")
        specs = ROLES / role / "meta" / "argument_specs.yml"
        options = yaml.safe_load(specs.read_text())["argument_specs"]["main"]["options"]
        given = task_vars or {}
        sentences = list(_unknown(given, options, f"{role}_"))
        values: dict[str, Any] = {}
        for name, option in options.items():
            try:
                short = name.removeprefix(f"{role}_")
                value = self._value(given, name)
                values[short] = converted(value, option["type"], _found(value, short))
            except WrongError as wrong:
                sentences.append(f"{name} {wrong}")
        if not sentences:
            sentences = list(_sentences(values, role))
        if sentences:
            raise AnsibleActionFail("\n".join(sentences))
        return {"changed": False}

    def _value(self, given: dict[str, Any], name: str) -> Any:
        try:
            return self._templar.template(given.get(name))
        except AnsibleError as error:
            raise WrongError(f"cannot be worked out: {error.message}") from error


def _unknown(given: dict[str, Any], options: dict[str, Any], prefix: str) -> Iterator[str]:
    for name in sorted(given):
        if name.startswith(prefix) and name not in options:
            near = difflib.get_close_matches(name, options, n=1)
            yield f"{name} is no variable of this role{f'; {near[0]} is.' if near else '.'}"


def _found(value: Any, name: str) -> str:
    # What has the wrong type may be the secret all the same, in a list for example.
    return "" if name in SECRET else f", and is {_shown(value)}"


def _shown(value: Any) -> str:
    """Short, and without the password that a URL may have."""
    if value in (None, ""):
        return "empty"
    return re.sub(r"//[^/@]*@", "//…@", repr(value))[:80]


def _sentences(values: dict[str, Any], role: str) -> Iterator[str]:
    rules: dict[str, Check] = importlib.import_module(f"{role}_rules").RULES
    for name, check in rules.items():
        if name in FOR_PRESENT and values.get("state") in ("absent", "drained"):
            continue
        try:
            check(values[name], values)
        except WrongError as wrong:
            shown = "has a value that" if name in SECRET else f"is {_shown(values[name])}, which"
            yield f"{role}_{name} {shown} {wrong}"
