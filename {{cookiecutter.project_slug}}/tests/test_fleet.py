"""`fleet`: every part is run, and a part that fails is asked for again."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed, Failed

from {{ cookiecutter.__package_name }}.flows import fleet as module
from {{ cookiecutter.__package_name }}.flows.fleet import fleet


def test_every_part_is_run_and_one_that_fails_again(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []

    async def arun_deployment(name: str, parameters: Any, **options: Any) -> FlowRun:
        shop = parameters["shop"]
        started.append(shop)
        fails = shop == "station" and started.count(shop) == 1
        state: State[Any] = Failed(message="closed") if fails else Completed()
        return FlowRun(flow_id=uuid4(), name=f"part of {shop}", state=state)

    monkeypatch.setattr(module, "arun_deployment", arun_deployment)

    shops = ("harbour", "station", "airport")
    assert asyncio.run(fleet(shops)) == {shop: f"part of {shop}" for shop in shops}
    assert started.count("station") == 2
