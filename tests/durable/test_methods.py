"""Tasks that are methods: of which object or class they are when several are at hand."""

from __future__ import annotations

import asyncio

import prefect
from prefect_durable import flow, task


class Loader:
    """Loads a table."""

    table = "none"

    def __init__(self, table: str) -> None:
        """Load this one."""
        self.table = table

    @task
    def load(self) -> str:
        """Return the table of the object."""
        return self.table

    @task
    @classmethod
    def load_default(cls) -> str:
        """Return the table of the class."""
        return cls.table

    @flow
    async def refresh(self) -> str:
        """Return the table of the object, after others have begun."""
        await asyncio.sleep(0)
        return self.table

    @flow
    @classmethod
    def refresh_default(cls) -> str:
        """Return the table of the class."""
        return cls.table


class Orders(Loader):
    """Loads another table by default."""

    table = "orders"


def test_a_method_of_one_object_is_not_that_of_another() -> None:
    first, second = Loader("customers").load, Loader("shops").load

    @flow
    def load() -> list[str]:
        return [first(), second(), first.submit().result()]

    assert load() == ["customers", "shops", "customers"]


def test_a_method_of_one_class_is_not_that_of_another() -> None:
    first, second = Loader.load_default, Orders.load_default

    @flow
    def load() -> list[str]:
        return [first(), second(), first.submit().result()]

    assert load() == ["none", "orders", "none"]


def test_flows_that_are_methods_run_side_by_side_with_their_own_objects() -> None:
    @flow
    async def refresh() -> list[str]:
        tables = [Loader("customers").refresh(), Loader("shops").refresh()]
        return list(await asyncio.gather(*tables))

    assert asyncio.run(refresh()) == ["customers", "shops"]


def test_a_flow_of_one_class_is_not_that_of_another() -> None:
    first, second = Loader.refresh_default, Orders.refresh_default
    assert [first(), second()] == ["none", "orders"]


def test_flow_and_task_offer_what_prefects_own_do() -> None:
    offered = [set(dir(ours)) for ours in (flow, task)]
    expected = [set(dir(prefects)) for prefects in (prefect.flow, prefect.task)]
    assert [e - o - {"__weakref__"} for e, o in zip(expected, offered, strict=True)] == [set()] * 2
    assert flow.from_source.__doc__ == prefect.flow.from_source.__doc__
