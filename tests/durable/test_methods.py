"""Tasks that are methods: of which object or class they are when several are at hand."""

from __future__ import annotations

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
