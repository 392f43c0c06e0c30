"""Equal calls in another order, whose tasks differ in what they refer to and are not given."""

import asyncio
import importlib.util
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from prefect_durable import flow, settle, task
from prefect_durable.testing import retry

NAMES = ["orders", "shops", "tills"]
PLUGIN = """
from prefect_durable import task
from tests.durable.test_what_is_not_passed import note

CONFIG = {{"table": "{}"}}

@task
def load():
    return note(CONFIG["table"])
"""
done: list[str] = []
region: ContextVar[str] = ContextVar("region")


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    """Begin every test with nothing done."""
    done.clear()


def note(name: str) -> str:
    """Note what is done; the shops fail once."""
    done.append(name)
    if name == "shops" and done.count(name) == 1:
        raise ValueError("The shops are closed.")
    return name


def in_order() -> list[str]:
    """Return the names, in another order in a retry."""
    return NAMES if not done else NAMES[::-1]


def plugin(file: Path, name: str) -> Any:
    """Return the task of a file, each of which has the name of the others."""
    file.write_text(PLUGIN.format(name))
    spec = importlib.util.spec_from_file_location("plugin", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load


def test_modules_of_one_name_that_differ_in_a_dict_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Files of one length, written in one second, would share their byte code.
    monkeypatch.setattr("sys.dont_write_bytecode", True)

    @flow
    def plugins() -> list[str]:
        order = in_order()
        runs = {name: plugin(tmp_path / "plugin.py", name).submit() for name in order}
        settle(runs.values())
        return [runs[name].result() for name in NAMES]

    assert retry(plugins, plugins(return_state=True)).result() == NAMES
    assert sorted(done) == sorted([*NAMES, "shops"])


@task
async def of_region() -> str:
    """Return the region that is set."""
    return note(region.get())


async def in_region(name: str) -> str:
    """Call a task in a region."""
    region.set(name)
    return await of_region()


def test_calls_are_told_apart_by_a_context_variable_that_their_task_refers_to() -> None:
    @flow
    async def regions() -> list[str]:
        order = in_order()
        found = await asyncio.gather(*map(in_region, order), return_exceptions=True)
        if isinstance(failed := found[order.index("shops")], BaseException):
            raise failed
        return [str(found[order.index(name)]) for name in NAMES]

    assert retry(regions, asyncio.run(regions(return_state=True))).result() == NAMES  # type: ignore[arg-type]
    assert sorted(done) == sorted([*NAMES, "shops"])
