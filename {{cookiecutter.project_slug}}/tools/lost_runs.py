"""Find flow runs whose machine is gone for good: nobody is left there to report them."""

from __future__ import annotations

from datetime import timedelta

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

# A server may be away for some minutes, and the runs that go on meanwhile cannot be heard. With
# slow heartbeats it is four of them.
PATIENCE = timedelta(minutes=10)
SECOND = timedelta(seconds=1)
HEARTBEAT = "prefect.flow-run.heartbeat"


def automation(pool: str, heartbeat_seconds: int) -> AutomationCore:
    """Return what makes a run of the pool CRASHED that is silent for too long."""
    silence = max(PATIENCE, timedelta(seconds=4 * heartbeat_seconds))
    of_the_pool = ResourceSpecification(
        {
            "prefect.resource.role": "work-pool",
            "prefect.resource.name": pool,
        }
    )
    return AutomationCore(
        name=f"Lost flow runs of {pool}",
        description="Made by `make bootstrap`.",
        trigger=EventTrigger(
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=of_the_pool,
            for_each={"prefect.resource.id"},
            after={HEARTBEAT},
            # Whatever a run does is a sign of life.
            expect={"prefect.flow-run.*"},
            posture=Posture.Proactive,
            threshold=1,
            within=silence,
        ),
        actions=[
            ChangeFlowRunState(
                name="Crashed",
                state=StateType.CRASHED,
                message=f"No heartbeat for {silence // SECOND} seconds: its machine is gone.",
                force=False,
            )
        ],
    )
