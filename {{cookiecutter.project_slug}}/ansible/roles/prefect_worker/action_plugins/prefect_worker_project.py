"""On the control node: what flows a project has, and which Prefect it pins."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

NO_PULL = (
    "The deployment {!r} in prefect.yaml has no pull steps, so its runs would look here for the "
    "folder that it is deployed from. Write into prefect.yaml: pull: [{{"
    "prefect.deployments.steps.set_working_directory: {{directory: '{{{{ $PROJECT_DIR }}}}'}}}}]."
)


class ActionModule(ActionBase):
    """Describe the project."""

    TRANSFERS_FILES = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Answer with entrypoints and Prefect's version."""
        super().run(tmp, task_vars)
        options = self._task.args
        project = Path(options["directory"]).expanduser()
        return {
            "changed": False,
            "entrypoints": _entrypoints(project, options["pool"], options["type"]),
            "prefect": _pinned_prefect(project / options["requirements"]),
        }


def _entrypoints(project: Path, pool: str, kind: str) -> list[str]:
    """Every entrypoint of a pool's deployments; those that name files are seen to be there."""
    found: set[str] = set()
    document = _document(project / "prefect.yaml")
    for number, deployment in enumerate(_deployments(document), 1):
        if not isinstance(deployment, dict) or not deployment.get("entrypoint"):
            name = deployment.get("name") if isinstance(deployment, dict) else deployment
            raise AnsibleActionFail(
                f"Deployment {number} in prefect.yaml, {str(name)[:80]!r}, has no entrypoint: "
                "each needs a name and an entrypoint, for example shop.flows.report.report."
            )
        own = deployment.get("pull")
        pull = document.get("pull") if own is None else own
        if _is_of_another_pool(deployment, pool) or _is_cloned(pull):
            continue
        entrypoint = str(deployment["entrypoint"])
        _require_entrypoint(project, str(deployment.get("name")), entrypoint)
        if pull is None and kind == "process":
            raise AnsibleActionFail(NO_PULL.format(deployment.get("name")))
        found.add(entrypoint)
    return sorted(found)


def _is_of_another_pool(deployment: dict[str, Any], pool: str) -> bool:
    """Tell whether other machines run it; what is in braces is filled in when it is deployed."""
    chosen = deployment.get("work_pool")
    name = str(chosen.get("name") or "") if isinstance(chosen, dict) else ""
    return name not in ("", pool) and "{{" not in name


def _is_cloned(pull: Any) -> bool:
    """Tell whether the code comes from another place than the project."""
    steps = [step for step in pull if isinstance(step, dict)] if isinstance(pull, list) else []
    names = [str(name).rpartition(".")[2] for step in steps for name in step]
    return any(name.startswith(("git_clone", "pull_from")) for name in names)


def _document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_bytes()) or {}
    except yaml.YAMLError as error:
        raise AnsibleActionFail(f"{path} is no YAML: {error}") from None
    except OSError as error:
        raise AnsibleActionFail(
            f"{path} cannot be read ({error.strerror}): a project needs one."
        ) from None
    if not isinstance(document, dict):
        raise AnsibleActionFail(f"{path} is no mapping: it has to have a key `deployments`.")
    return document


def _deployments(document: dict[str, Any]) -> list[Any]:
    deployments = document.get("deployments") or []
    if not isinstance(deployments, list):
        raise AnsibleActionFail("prefect.yaml has `deployments` that are no list.")
    return deployments


def _require_entrypoint(project: Path, deployment: str, entrypoint: str) -> None:
    file, _, function = entrypoint.rpartition(":")
    if not file.endswith(".py"):
        return
    start = f"The deployment {deployment!r} in prefect.yaml has the entrypoint {entrypoint}, but"
    if not (project / file).is_file():
        raise AnsibleActionFail(f"{start} the project has no file {file}.")
    try:
        tree = ast.parse((project / file).read_bytes())
    except SyntaxError as error:
        raise AnsibleActionFail(f"{start} {file} is no Python: {error}.") from None
    names = _names(tree)
    if function.split(".")[0] not in names and "*" not in names:
        raise AnsibleActionFail(f"{start} {file} defines no {function}.")


def _names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
    return names


def _pinned_prefect(requirements: Path) -> list[dict[str, str]]:
    """Return the versions of Prefect that machines may have, each with the marker of its line."""
    try:
        text = requirements.read_text()
    except OSError as error:
        raise AnsibleActionFail(
            f"{requirements} cannot be read ({error.strerror}): a release is installed from it, "
            "with versions and hashes (`uv pip compile --generate-hashes`)."
        ) from None
    if other := re.search(r"^(-[rce]\b|--(?:requirement|constraint|editable)\b).*", text, re.M):
        raise AnsibleActionFail(
            f"{requirements} has the line {other[0]!r}: all that a release installs has to be in "
            "this one file, as `uv pip compile --generate-hashes` writes it."
        )
    found = re.findall(r"^prefect(?:\[[^\]]*\])?==([^\s;\\]+)([^\\\n]*)", text, re.M)
    if not found:
        raise AnsibleActionFail(f"{requirements} does not pin Prefect (a line `prefect==…`).")
    if "--hash=" not in text:
        raise AnsibleActionFail(
            f"{requirements} has no hashes: compile it with `uv pip compile --generate-hashes`."
        )
    return [
        {"version": version, "marker": rest.partition("--hash")[0].strip(" ;")}
        for version, rest in found
    ]
