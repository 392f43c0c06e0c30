"""Give the Prefect API what the flows need: storage for results, a work pool, an automation.

`make bootstrap` runs it, again after every change to the settings or to `infrastructure/`. It
prints one line for each thing; a second run finds everything unchanged and writes nothing.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import (
    BlockDocumentCreate,
    BlockDocumentUpdate,
    WorkPoolCreate,
    WorkPoolUpdate,
)
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings

from .api import api
from .errors import ToolError, ended
from .lost_runs import apply_automation, automation
from .project import BASE_JOB_TEMPLATE, Project, read, read_project
from .references import mapping
from .storage import ResultSettings, result_settings


def main() -> int:
    """Make everything, and print a line for each thing."""
    for line in bootstrap():
        print(line)
    return 0


def bootstrap() -> Iterator[str]:
    """Make one thing after the other, and say what became of it."""
    block = get_current_settings().results.default_storage_block or ""
    if not re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", block):
        raise ToolError(
            f"PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK is {block!r}, which is no block: its type and"
            " its name are of lowercase letters, digits and dashes, with a slash between them."
        )
    block_type, block_name = block.split("/")
    results = result_settings(block_type)
    project = read_project()
    template = base_job_template()
    with api() as client:
        yield f"storage block {block}: {apply_block(client, block_name, results)}"
        yield f"work pool {project.pool}: {apply_pool(client, project, template)}"
        if heartbeat := heartbeat_seconds(template):
            lost_runs = automation(project.pool, heartbeat)
            yield f"automation {lost_runs.name!r}: {apply_automation(client, lost_runs)}"


def base_job_template() -> dict[str, Any]:
    """Return what the project says about how its runs are started."""
    return read(BASE_JOB_TEMPLATE, json.loads, json.JSONDecodeError)


def heartbeat_seconds(template: dict[str, Any]) -> int:
    """Return how often a run tells the API that it is alive; 0 if it never does."""
    variables = mapping(mapping(template.get("variables")).get("properties"))
    environment = mapping(mapping(variables.get("env")).get("default"))
    return int(environment.get("PREFECT_FLOWS_HEARTBEAT_FREQUENCY") or 0)


def apply_block(client: SyncPrefectClient, name: str, results: ResultSettings) -> str:
    """Create the storage block, or give it the fields that the settings ask for."""
    block_class, data = results.block_class, results.data()
    slug = block_class.get_block_type_slug()
    try:
        stored = client.read_block_document_by_name(name, slug)
    except ObjectNotFound:
        stored = None
    if stored and stored.data == data:
        return "unchanged"

    block_class.register_type_and_schema()
    block_type = client.read_block_type_by_slug(slug)
    schema = client.get_most_recent_block_schema_for_block_type(block_type.id)
    assert schema is not None, "registering the block type made it"
    if not stored:
        wanted = BlockDocumentCreate(
            name=name,
            data=data,
            block_type_id=block_type.id,
            block_schema_id=schema.id,
        )
        client.create_block_document(wanted)
        return "created"
    update = BlockDocumentUpdate(data=data, block_schema_id=schema.id, merge_existing_data=False)
    client.update_block_document(stored.id, update)
    return f"updated ({', '.join(changes(stored.data, data))})"


def apply_pool(client: SyncPrefectClient, project: Project, template: dict[str, Any]) -> str:
    """Create the work pool, or give it the base job template of the project."""
    name, kind = project.pool, project.pool_type
    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        client.create_work_pool(WorkPoolCreate(name=name, type=kind, base_job_template=template))
        return "created"
    if pool.type != kind:
        raise ToolError(
            f"The work pool {name} exists with type {pool.type}, and this project needs {kind}:"
            " delete that pool, or give this project another pool name."
        )
    if pool.base_job_template == template:
        return "unchanged"
    client.update_work_pool(name, WorkPoolUpdate(base_job_template=template))
    return f"updated ({', '.join(changes(pool.base_job_template, template))})"


def changes(old: Any, new: Any, path: str = "") -> list[str]:
    """Return the paths at which two JSON values differ."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else [path]
    return [
        change
        for key in sorted(old.keys() | new.keys())
        for change in changes(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
    ]


if __name__ == "__main__":
    sys.exit(ended(main))
