"""`fleet`: a few parts run at a time, none is left out, and a failure has its cause."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed, Failed

from {{ cookiecutter.__package_name }}.flows import fleet as module
from {{ cookiecutter.__package_name }}.flows.fleet import IN_FLIGHT, count_stock, fleet


class Pool:
    """What runs parts here, in place of a pool with its machines."""

    def __init__(self, fails: str = "") -> None:
        """Run parts, and let one fail the first time."""
        self.fails = fails
        self.running = self.most = 0
        self.started: list[str] = []

    async def arun_deployment(self, name: str, parameters: Any, **options: Any) -> FlowRun:
        """Do as if a machine ran a part."""
        shop = parameters["shop"]
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.01)
        self.running -= 1
        self.started.append(shop)
        failed = shop == self.fails and self.started.count(shop) == 1
        state: State[Any] = Failed(message=f"{shop} is closed.") if failed else Completed()
        return FlowRun(flow_id=uuid4(), name=f"part of {shop}", state=state)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    """Give the flow a pool."""
    pool = Pool()
    monkeypatch.setattr(module, "arun_deployment", pool.arun_deployment)
    return pool


def test_a_part_counts_a_shop() -> None:
    assert count_stock("harbour") == 7_000


def test_every_part_is_run_and_no_more_than_the_bound_at_a_time(pool: Pool) -> None:
    shops = tuple(f"shop {number}" for number in range(3 * IN_FLIGHT))

    assert asyncio.run(fleet(shops)) == {shop: f"part of {shop}" for shop in shops}
    assert sorted(pool.started) == sorted(shops)
    assert pool.most == IN_FLIGHT


def test_a_part_that_fails_is_asked_for_again_when_the_others_have_ended(pool: Pool) -> None:
    pool.fails = "station"

    assert set(asyncio.run(fleet())) == {"harbour", "station", "airport"}
    assert pool.started.count("station") == 2


def test_a_part_that_fails_for_good_fails_the_flow_with_the_cause(pool: Pool) -> None:
    pool.fails = "station"

    state: State[Any] = asyncio.run(fleet.with_options(retries=0)(return_state=True))
    with pytest.raises(Exception, match="station is closed"):
        asyncio.run(state.aresult())
    assert sorted(pool.started) == ["airport", "harbour", "station"]
