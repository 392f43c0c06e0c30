"""What makes a call another one: code, closures, defaults, constants, names; and sets do not."""

import os
import subprocess
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from functools import partial, wraps
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

import pytest
from prefect_durable import flow, settle, task
from prefect_durable.fingerprint import UnhashableError, fingerprint
from prefect_durable.testing import retry
from pydantic import create_model

SOURCE = "def load(): return {}"
SETS = """
from dataclasses import dataclass
from pydantic import BaseModel
from prefect_durable.fingerprint import fingerprint

@dataclass
class Tagged:
    tags: frozenset

class Model(BaseModel):
    tags: set[str]

class Tags(set):
    pass

tags = {"harbour", "station", "market", "mill"}
print(fingerprint(tags, {"in": [tags]}, Tagged(frozenset(tags)), Model(tags=tags), Tags(tags)))
"""
TABLES = ["customers", "orders", "shops", "tills", "staff", "stock"]
done: list[str] = []


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    """Begin every test with nothing done."""
    done.clear()


def executed(source: str, **names: Any) -> Any:
    """Return the function `load` that a source makes, which no file holds."""
    exec(source, names)
    return names["load"]


def loader(table: str, name: str | None = None) -> Any:
    """Make a task for a table."""

    @task(name=name)
    def load() -> str:
        done.append(table)
        if table == "orders" and done.count("orders") == 1:
            raise ValueError("The warehouse is away.")
        return table

    return load


@flow
def submitted() -> list[str]:
    """Load the tables side by side."""
    runs = settle([loader(table).submit() for table in TABLES])
    return [run.result() for run in runs]


@flow
def called() -> list[str]:
    """Load what is missing, which is less in the second attempt."""
    wanted = [table for table in ("shops", "orders") if table == "orders" or not done]
    return [loader(table, name=f"load-{table}")() for table in wanted]


def test_each_task_of_a_factory_is_found_again_wherever_it_stands() -> None:
    assert retry(submitted, submitted(return_state=True)).result() == TABLES
    assert sorted(done) == sorted([*TABLES, "orders"])


def test_a_task_of_a_factory_never_gets_the_result_of_another() -> None:
    assert retry(called, called(return_state=True)).result() == ["orders"]
    assert done == ["shops", "orders", "orders"]


def test_code_that_no_file_holds_is_told_apart() -> None:
    one, other = executed(SOURCE.format(1)), executed(SOURCE.format(2))
    assert fingerprint(one) == fingerprint(executed(SOURCE.format(1)))
    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"RATE": 1}, {"RATE": 2}),
        ({"RATE": executed(SOURCE.format(1))}, {"RATE": executed(SOURCE.format(2))}),
        ({"RATE": len}, {"RATE": os}),
    ],
    ids=["constant", "function-without-a-module", "module"],
)
def test_a_global_that_a_function_refers_to_tells_it_apart(one: Any, other: Any) -> None:
    source = SOURCE.format("RATE")
    assert fingerprint(executed(source, **one)) == fingerprint(executed(source, **one))
    assert fingerprint(executed(source, **one)) != fingerprint(executed(source, **other))


@pytest.mark.parametrize("global_", [{}, [], {"a": 1}, Lock()])
def test_a_global_that_may_change_does_not_count(
    global_: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("tables")
    monkeypatch.setitem(sys.modules, "tables", module)
    exec(SOURCE.format("STATE"), vars(module))
    digests = []
    for state in ([1], global_):
        monkeypatch.setattr(module, "STATE", state, raising=False)
        digests.append(fingerprint(module.load))
    assert digests[0] == digests[1]


def test_all_globals_count_of_a_function_that_is_of_no_module() -> None:
    source = SOURCE.format("TABLE")
    one, same, other = (executed(source, TABLE={"name": name}) for name in ("a", "a", "b"))
    assert fingerprint(one) == fingerprint(same)
    assert fingerprint(one) != fingerprint(other)
    with pytest.raises(UnhashableError, match="a lock"):
        fingerprint(executed(source, TABLE=Lock()))


def test_a_context_variable_that_a_function_refers_to_tells_it_apart() -> None:
    tenant: ContextVar[str] = ContextVar("tenant")
    digests = [fingerprint(tenant)]
    for name in ("a", "b", "a"):
        tenant.set(name)
        digests.append(fingerprint(tenant))
    assert len(set(digests)) == 3
    assert digests[1] == digests[3]


def test_a_global_that_a_function_assigns_does_not_count() -> None:
    source = "def load():\n global count\n count = count + 1\n return count"
    assert fingerprint(executed(source, count=1)) == fingerprint(executed(source, count=2))


def test_defaults_partials_and_decorators_tell_functions_apart() -> None:
    def with_default(value: int) -> Any:
        def load(value: int = value) -> int:
            return value

        return load

    def timed(function: Any) -> Any:
        @wraps(function)
        def inner() -> Any:
            return function()

        return inner

    def raised(base: int, value: int) -> int:
        return base + value

    functions = [with_default(1), with_default(2), timed(with_default(1)), timed(with_default(2))]
    functions += [partial(raised, 1), partial(raised, 2), raised]
    assert len({fingerprint(function) for function in functions}) == len(functions)


def test_objects_are_told_apart_by_their_state_and_their_code() -> None:
    @dataclass
    class Loader:
        table: str

        def __call__(self) -> str:
            return self.table

        def load(self) -> str:
            return self.table

    one, other = Loader("orders"), Loader("shops")
    values = [one, other, one.load, other.load]
    assert len({fingerprint(value) for value in values}) == len(values)
    assert fingerprint(one) == fingerprint(Loader("orders"))


def derived(base: type) -> type:
    """Make a class by its base."""
    return type("Source", (base,), {})


def with_property(value: int) -> type:
    """Make a class whose property, computed and cached, returns a value."""

    class Source:
        @property
        def now(self) -> int:
            return value

    return Source


def with_table(*rows: int) -> type:
    """Make a class with an attribute that may change."""
    return type("Source", (), {"table": [*rows]})


@pytest.mark.parametrize(
    "classes",
    [
        (derived(int), derived(str)),
        (with_property(1), with_property(2)),
        (with_table(1), with_table(2)),
        (create_model("Row", a=(int, 1)), create_model("Row", a=(int, 2))),
        (create_model("Row", a=(int, ...)), create_model("Row", b=(int, ...))),
        (Enum("Kind", "A B"), Enum("Kind", "A C")),
    ],
)
def test_classes_that_are_made_are_told_apart(classes: tuple[type, type]) -> None:
    one, other = map(fingerprint, classes)
    assert one != other
    assert [fingerprint(each) for each in classes] == [one, other]


def test_functions_are_told_apart_by_what_they_catch() -> None:
    alike = ("f()\n try: g()", "try: f(); g()")
    functions = [executed(f"def load():\n {code}\n except KeyError: pass") for code in alike]
    assert fingerprint(functions[0]) != fingerprint(functions[1])


def test_equal_values_of_different_types_are_told_apart() -> None:
    values = [1, 1.0, True, "1", b"1", (1,), [1], {1}, frozenset({1}), {1: None}, None]
    assert len({fingerprint(value) for value in values}) == len(values)


def test_a_value_that_contains_itself_has_a_fingerprint() -> None:
    value: list[Any] = [1]
    value.append(value)
    assert fingerprint(value) != fingerprint([1, [1]])


@pytest.mark.parametrize(
    "value",
    [Lock(), (number for number in [1]), open(os.devnull), object()],  # noqa: SIM115, PTH123
)
def test_what_cannot_be_told_apart_is_refused(value: object) -> None:
    with pytest.raises(UnhashableError, match=r"a (lock|generator|TextIOWrapper)|an object"):
        fingerprint({"in": [value]})


def test_sets_are_equal_in_any_order_in_every_process(tmp_path: Path) -> None:
    source = Path(sys.modules["prefect_durable"].__file__ or "").parents[1]
    digests = {
        subprocess.run(
            [sys.executable, "-c", SETS],
            env={**os.environ, "PYTHONPATH": str(source), "PYTHONHASHSEED": seed},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_the_order_of_lists_and_dicts_counts() -> None:
    assert fingerprint([1, 2]) != fingerprint([2, 1])
    assert fingerprint({"a": 1, "b": 2}) != fingerprint({"b": 2, "a": 1})
