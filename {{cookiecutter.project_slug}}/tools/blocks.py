"""Block documents at the Prefect API: made, and given the fields that they should have."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import BlockDocumentCreate, BlockDocumentUpdate
from prefect.exceptions import ObjectNotFound


def apply_block(
    client: SyncPrefectClient, name: str, block_class: type[Block], data: dict[str, Any]
) -> tuple[UUID, str]:
    """Create a block, or give it these fields; return its id and what was done."""
    slug = block_class.get_block_type_slug()
    try:
        stored = client.read_block_document_by_name(name, slug)
    except ObjectNotFound:
        stored = None
    if stored and stored.data == data:
        return stored.id, "unchanged"

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
        return client.create_block_document(wanted).id, "created"
    update = BlockDocumentUpdate(data=data, block_schema_id=schema.id, merge_existing_data=False)
    client.update_block_document(stored.id, update)
    return stored.id, f"updated ({', '.join(changes(stored.data, data))})"


def changes(old: Any, new: Any, path: str = "") -> list[str]:
    """Return the paths at which two JSON values differ."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else [path]
    return [
        change
        for key in sorted(old.keys() | new.keys())
        for change in changes(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
    ]
