"""What the demo runs of `prefect.yaml`, and what it leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ..errors import ToolError
from ..project import FILE, read_yaml
from ..references import clones, mapping

BY_THEMSELVES = ("schedule", "schedules", "triggers")


def write_deployments(file: Path, pool: str, stand_in: str) -> tuple[str, ...]:
    """Write what can run here, and return a sentence for each deployment that cannot.

    What is written starts nothing by itself. With a pool that stands in it needs no image.
    """
    document = read_yaml(FILE)
    entries = document.get("deployments")
    kept, left_out = [], []
    # What is wrong in another way is named by the check of the file that is written.
    for entry in entries if isinstance(entries, list) else []:
        if why := _not_here(mapping(entry), document.get("pull"), pool):
            left_out.append(f"{entry.get('name')}: left out, as {why}")
        else:
            kept.append(_changed(entry, stand_in))
    if left_out and not kept:
        raise ToolError("\n".join([*left_out, f"{FILE} lists nothing that the demo can show."]))
    if kept:
        document["deployments"] = kept
    if stand_in:
        document = {key: value for key, value in document.items() if key not in ("build", "push")}
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return tuple(left_out)


def check(*, stands_in: bool) -> None:
    """Raise ToolError where Prefect would register something else than is meant, or nothing."""
    # Prefect reads its settings when it is imported: only after `enter` are they the demo's own.
    from ..prefect_yaml import PrefectYaml

    project = PrefectYaml()
    lost = [f"{each.name}: {each.unloadable}." for each in project.deployments if each.unloadable]
    # Without the steps that build an image, nothing gives a value to what refers to them.
    if found := lost if stands_in else project.problems():
        raise ToolError("\n".join(found))


def _not_here(entry: dict[str, Any], pull: object, pool: str) -> str:
    """Say why a deployment cannot run here, or nothing."""
    named = mapping(entry.get("work_pool")).get("name")
    if named and named != pool:
        return f"the demo has no work pool {named!r}"
    if clones(pull if entry.get("pull") is None else entry["pull"]):
        return "its code is cloned where it runs"
    return ""


def _changed(entry: Any, stand_in: str) -> Any:
    if not isinstance(entry, dict):
        return entry
    kept = {key: value for key, value in entry.items() if key not in BY_THEMSELVES}
    return {**kept, "work_pool": {"name": stand_in}} if stand_in else kept
