"""What the tools need to know of a project: its files are the only place that says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .errors import ToolError
from .references import mapping

FILE = Path("prefect.yaml")
BASE_JOB_TEMPLATE = Path("infrastructure/base_job_template.json")


@dataclass(frozen=True)
class Project:
    """The project's name, and the work pool that bootstrap makes."""

    name: str
    pool: str
    pool_type: str


def read_project() -> Project:
    """Read `prefect.yaml`; raise ToolError where it does not say what is needed."""
    document = read_yaml(FILE)
    definitions = mapping(document.get("definitions"))
    found = {
        "name": document.get("name"),
        "definitions.work_pool.name": mapping(definitions.get("work_pool")).get("name"),
        "definitions.work_pool_type": definitions.get("work_pool_type"),
    }
    for key, value in found.items():
        if not isinstance(value, str) or not value:
            raise ToolError(f"{FILE} has {value!r} as {key}, which must be a name.")
    return Project(*map(str, found.values()))


def read_yaml(file: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; raise ToolError where there is none."""
    return read(file, yaml.safe_load, yaml.YAMLError)


def read(file: Path, parse: Callable[[str], Any], wrong: type[Exception]) -> dict[str, Any]:
    """Return the mapping that `parse` makes of a file; raise ToolError where it is none."""
    try:
        value = parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ToolError(f"{file} is missing: run this in the project's folder.") from None
    except wrong as error:
        reason = " ".join(str(error).split())
        raise ToolError(f"{file} cannot be read: {reason}.") from None
    if not isinstance(value, dict):
        raise ToolError(f"{file} holds no mapping.")
    return value
