"""The automation that an alert is at the Prefect API, and the words that it sends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from .alerts import Alert

RUN = "prefect.flow-run"
POOL = "prefect.work-pool"
LATE_MINUTES = 15
Labels = ResourceSpecification | dict[str, str | list[str]]
# Whatever has become of a run that was late.
BEGUN = {f"{RUN}.{state}" for state in ("Pending", "Running", "Cancelled", "Scheduled", "Paused")}
# Chats refuse long messages; Discord's limit is 2,000 characters.
REASON = "<(flow_run.state.message or 'no message')|truncate(1000, True, ' …', 0)>"
LINK = "\n<flow_run|ui_url>"
NOBODY = (
    "<' No worker of the work pool ' ~ work_pool.name ~ ' is online.'"
    " if work_pool.status == 'NOT_READY' else ''>"
)


def alert_automation(
    name: str, tag: str, pool: str, alert: Alert, blocks: dict[str, UUID]
) -> AutomationCore:
    """Return the automation of an alert; it has `tag`, and sends to the blocks of its channels."""
    trigger, subject, body = {"failed": _failed, "late": _late, "not-ready": _not_ready}[
        alert.when
    ](alert, alert.pools or [pool])
    return AutomationCore(
        name=name,
        description="Made by `make bootstrap`, from infrastructure/alerts.yaml.",
        tags=[tag],
        trigger=trigger,
        actions=[
            SendNotification(
                block_document_id=blocks[channel],
                subject=_template(subject),
                body=_template(body),
            )
            for channel in alert.to
        ],
    )


def _failed(alert: Alert, pools: list[str]) -> tuple[EventTrigger, str, str]:
    """Return what tells of each run that failed, crashed or timed out."""
    trigger = EventTrigger(
        # By its type: a flow may give its state any name.
        match=_labels(
            {"prefect.resource.id": f"{RUN}.*", "prefect.state-type": ["FAILED", "CRASHED"]}
        ),
        match_related=_where(alert, pools),
        expect={f"{RUN}.*"},
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )
    return trigger, "<flow.name>: <flow_run.state.name>", f"<flow_run.name>: {REASON}{LINK}"


def _late(alert: Alert, pools: list[str]) -> tuple[EventTrigger, str, str]:
    """Return what tells of each run that has not begun for some minutes."""
    minutes = alert.minutes or LATE_MINUTES
    trigger = EventTrigger(
        match=_labels({"prefect.resource.id": f"{RUN}.*"}),
        match_related=_where(alert, pools),
        for_each={"prefect.resource.id"},
        after={f"{RUN}.Late"},
        expect=BEGUN,
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(minutes=minutes),
    )
    body = f"<flow_run.name> has been late for {_minutes(minutes)}.{NOBODY}{LINK}"
    return trigger, "<flow.name>: Late", body


def _not_ready(_: Alert, pools: list[str]) -> tuple[EventTrigger, str, str]:
    """Return what tells of a pool whose workers have all been silent for too long."""
    trigger = EventTrigger(
        match=_labels({"prefect.resource.id": f"{POOL}.*", "prefect.resource.name": pools}),
        expect={f"{POOL}.not-ready"},
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )
    body = "No worker of it is online.\n<work_pool|ui_url>"
    return trigger, "work pool <work_pool.name>: not ready", body


def _template(text: str) -> str:
    """Return a text as Prefect fills it in.

    Its double braces are not written here, as those in a template's files are filled in earlier.
    """
    return text.replace("<", "{" * 2).replace(">", "}" * 2)


def _minutes(number: int) -> str:
    return "1 minute" if number == 1 else f"{number} minutes"


def _where(alert: Alert, pools: list[str]) -> list[Labels]:
    """Return which runs an alert is about: each of these must fit."""
    wanted: list[dict[str, Any]] = [_named("work-pool", pools)]
    if alert.flows:
        wanted.append(_named("flow", alert.flows))
    if alert.tags:
        tags = [f"prefect.tag.{tag}" for tag in alert.tags]
        wanted.append({"prefect.resource.role": "tag", "prefect.resource.id": tags})
    return [_labels(each) for each in wanted]


def _named(role: str, names: list[str]) -> dict[str, Any]:
    return {"prefect.resource.role": role, "prefect.resource.name": names}


def _labels(labels: dict[str, Any]) -> ResourceSpecification:
    return ResourceSpecification.model_validate(labels)
