"""Give the Prefect API what the flows need: storage for results, a work pool, automations.

`make bootstrap` runs it, again after every change to the settings or to `infrastructure/`. It
prints one line for each thing; a second run finds everything unchanged and writes nothing.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings

from .alerting import apply_alerts, channels
from .alerts import read_alerts
from .api import api
from .automations import apply_automation
from .blocks import apply_block, changes
from .errors import ToolError, ended
from .lost_runs import automation
from .project import BASE_JOB_TEMPLATE, Project, read, read_project
from .references import mapping
from .storage import result_settings


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
    alerts = read_alerts()
    webhooks = channels(alerts, os.environ)
    with api() as client:
        _, done = apply_block(client, block_name, results.block_class, results.data())
        yield f"storage block {block}: {done}"
        yield f"work pool {project.pool}: {apply_pool(client, project, template)}"
        if heartbeat := heartbeat_seconds(template):
            lost_runs = automation(project.pool, heartbeat)
            yield f"automation {lost_runs.name!r}: {apply_automation(client, lost_runs)}"
        yield from apply_alerts(client, project, alerts.alerts, webhooks)


def base_job_template() -> dict[str, Any]:
    """Return what the project says about how its runs are started."""
    return read(BASE_JOB_TEMPLATE, json.loads, json.JSONDecodeError)


def heartbeat_seconds(template: dict[str, Any]) -> int:
    """Return how often a run tells the API that it is alive; 0 if it never does."""
    variables = mapping(mapping(template.get("variables")).get("properties"))
    environment = mapping(mapping(variables.get("env")).get("default"))
    return int(environment.get("PREFECT_FLOWS_HEARTBEAT_FREQUENCY") or 0)


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


if __name__ == "__main__":
    sys.exit(ended(main))
