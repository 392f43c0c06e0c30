"""Give the Prefect API the alerts of the project, and remove those that it no longer has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound

from .alert_automations import alert_automation
from .alerts import Alert, Alerts, webhook
from .automations import apply_automation, tagged
from .blocks import apply_block
from .project import Project

BLOCK_TYPE = CustomWebhookNotificationBlock.get_block_type_slug()


def channels(found: Alerts, environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the fields of each channel's block; raise ToolError where one is wrong."""
    return {name: webhook(name, each, environment) for name, each in found.channels.items()}


def apply_alerts(
    client: SyncPrefectClient,
    project: Project,
    alerts: dict[str, Alert],
    webhooks: dict[str, dict[str, Any]],
) -> Iterator[str]:
    """Make a block of each channel and an automation of each alert; return a line for each.

    What the project no longer has is removed.
    """
    tag = f"alert-of-{project.name}"
    prefix = f"{tag}-"
    blocks = {}
    for name, data in webhooks.items():
        block_type = CustomWebhookNotificationBlock
        blocks[name], done = apply_block(client, f"{prefix}{name}", block_type, data)
        yield f"channel {name}: {done}"
    names = set()
    for name, alert in alerts.items():
        automation = alert_automation(
            f"Alert of {project.name}: {name}", tag, project.pool, alert, blocks
        )
        names.add(automation.name)
        yield f"alert {name}: {apply_automation(client, automation)}"
    for stored in tagged(client, tag):
        if stored.name not in names:
            client.delete_automation(stored.id)
            yield f"automation {stored.name!r}: removed"
    yield from _remove_channels(client, prefix, {f"{prefix}{name}" for name in webhooks})


def _remove_channels(client: SyncPrefectClient, prefix: str, wanted: set[str]) -> Iterator[str]:
    """Remove the blocks of channels that the project no longer has."""
    try:
        documents = client.read_block_documents_by_type(BLOCK_TYPE)
    except ObjectNotFound:
        return
    for document in documents:
        name = document.name or ""
        if name.startswith(prefix) and name not in wanted:
            client.delete_block_document(document.id)
            yield f"channel {name.removeprefix(prefix)}: removed"
