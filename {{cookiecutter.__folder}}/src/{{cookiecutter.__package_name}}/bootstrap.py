"""Give the Prefect API what the flows need: storage for results, a work pool, an automation.

`make bootstrap` runs it, again after every change to the settings or to `infrastructure/`. It
prints one line for each thing; a second run finds everything unchanged and writes nothing.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
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
from tools.api import ToolError, api

from .lost_runs import apply_automation, automation
from .settings import InvalidSettings, ResultSettings, result_settings

POOL_NAME = "{{ cookiecutter.work_pool_name }}"
POOL_TYPE = "{{ cookiecutter.work_pool_type }}"
BASE_JOB_TEMPLATE = Path("infrastructure/base_job_template.json")


def main() -> int:
    """Make everything, and print a line for each thing."""
    try:
        for line in bootstrap():
            print(line)
    except (ToolError, InvalidSettings) as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


def bootstrap() -> Iterator[str]:
    """Make one thing after the other, and say what became of it."""
    block = get_current_settings().results.default_storage_block or ""
    if not re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", block):
        raise ToolError(
            f"PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK is {block!r}, which is no block: its type and its"
            " name are of lowercase letters, digits and dashes, with a slash between them."
        )
    block_type, block_name = block.split("/")
    results = result_settings(block_type)
    template = base_job_template()
    with api() as client:
        yield f"storage block {block}: {apply_block(client, block_name, results)}"
        yield f"work pool {POOL_NAME}: {apply_pool(client, template)}"
        if heartbeat := get_current_settings().flows.heartbeat_frequency:
            lost_runs = automation(POOL_NAME, heartbeat)
            yield f"automation {lost_runs.name!r}: {apply_automation(client, lost_runs)}"


def base_job_template() -> dict[str, Any]:
    """Return what the project says about how its runs are started."""
    try:
        template: dict[str, Any] = json.loads(BASE_JOB_TEMPLATE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ToolError(f"{BASE_JOB_TEMPLATE} is not here: run this in the project.") from None
    except json.JSONDecodeError as error:
        raise ToolError(f"{BASE_JOB_TEMPLATE} is not JSON: {error}.") from None
    return template


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


def apply_pool(client: SyncPrefectClient, template: dict[str, Any]) -> str:
    """Create the work pool, or give it the base job template of the project."""
    try:
        pool = client.read_work_pool(POOL_NAME)
    except ObjectNotFound:
        wanted = WorkPoolCreate(name=POOL_NAME, type=POOL_TYPE, base_job_template=template)
        client.create_work_pool(wanted)
        return "created"
    if pool.type != POOL_TYPE:
        raise ToolError(
            f"The work pool {POOL_NAME} exists with type {pool.type}, and this project needs"
            f" {POOL_TYPE}: delete that pool, or give this project another pool name."
        )
    if pool.base_job_template == template:
        return "unchanged"
    client.update_work_pool(POOL_NAME, WorkPoolUpdate(base_job_template=template))
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
    sys.exit(main())
