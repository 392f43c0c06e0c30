"""Automations at the Prefect API: made, kept as they should be, removed."""

from __future__ import annotations

from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import Automation, AutomationCore

PAGE = 200
# Sets, which come in any order.
SETS = ("after", "expect", "for_each")


def apply_automation(client: SyncPrefectClient, wanted: AutomationCore) -> str:
    """Create the automation, or make it what it should be."""
    stored = client.read_automations_by_name(wanted.name)
    if not stored:
        client.create_automation(wanted)
        return "created"
    if _described(stored[0]) == _described(wanted):
        return "unchanged"
    client.update_automation(stored[0].id, wanted)
    return "updated"


def tagged(client: SyncPrefectClient, tag: str) -> list[Automation]:
    """Return all automations with a tag."""
    found: list[Automation] = []
    while True:
        asked = {"automations": {"tags": {"all_": [tag]}}, "limit": PAGE, "offset": len(found)}
        page = client.request("POST", "/automations/filter", json=asked).raise_for_status().json()
        found.extend(Automation.model_validate_list(page))
        if len(page) < PAGE:
            return found


def _described(found: AutomationCore) -> dict[str, Any]:
    """Return what counts, without what the server adds."""
    names = set(AutomationCore.model_fields)
    fields: dict[str, Any] = found.model_dump(mode="json", include=names)
    trigger = fields["trigger"]
    sets = {name: sorted(trigger[name]) for name in SETS if name in trigger}
    return {**fields, "trigger": {**trigger, **sets, "id": None}}
