"""`flow` and `task`: done only when the result is kept, so that a retry repeats nothing."""

import asyncio
import builtins
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from prefect.client.schemas.objects import State
from prefect.filesystems import LocalFileSystem
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import Settings
from prefect.transactions import transaction
from prefect_durable import StorageError, flow, task
from prefect_durable.fingerprint import fingerprint
from prefect_durable.testing import retry

done: list[str] = []


@pytest.fixture(autouse=True)
def storage(tmp_path: Path) -> Path:
    """Begin every test with nothing done, and give it the folder that keeps results."""
    done.clear()
    return tmp_path / "results"


def break_storage(storage: Path) -> None:
    """Make the folder that keeps results unusable, and keep what is in it."""
    storage.rename(storage.with_name("kept"))
    storage.write_text("in the way")


def mend_storage(storage: Path) -> None:
    """Make the folder that keeps results usable again, with what was in it."""
    storage.unlink()
    storage.with_name("kept").rename(storage)


def kept(storage: Path, of: str) -> list[Path]:
    """Return what is kept of tasks, which begins with words on itself, or of flows."""
    results = [path for path in storage.iterdir() if not path.name.startswith("flow-run-")]
    return [path for path in results if path.read_bytes().startswith(b"{") == (of == "tasks")]


def counted(read_path: Callable[..., Any], paths: list[str]) -> Callable[..., Any]:
    """Note each path that a storage reads."""

    def read(storage: LocalFileSystem, path: str, **options: Any) -> Any:
        paths.append(path)
        return read_path(storage, path, **options)

    return read


def test_nothing_is_done_without_a_storage(storage: Path) -> None:
    storage.write_text("in the way")

    @task
    def bake() -> None:
        done.append("bake")

    @flow
    def bakery() -> None:
        bake()

    with pytest.raises(StorageError, match=r"local-file-system/unnamed did not take .*Error"):
        bakery()
    assert done == []


@pytest.mark.parametrize("submitted", [False, True])
def test_a_task_whose_result_is_not_kept_fails_and_runs_again(
    storage: Path,
    submitted: bool,
) -> None:
    @task
    def knead() -> str:
        done.append("knead")
        return "dough"

    @task
    def bake(dough: str) -> str:
        done.append("bake")
        if done.count("bake") == 1:
            break_storage(storage)
        return "bread"

    @flow
    def bakery() -> None:
        if submitted:
            bake.submit(knead.submit()).result()
        else:
            bake(knead())

    failed = bakery(return_state=True)
    assert "StorageError: The result storage" in str(failed.message)

    mend_storage(storage)
    assert retry(bakery, failed).is_completed()
    assert done == ["knead", "bake", "bake"]


def test_a_flow_whose_result_is_not_kept_fails(storage: Path) -> None:
    @flow
    def bakery() -> str:
        break_storage(storage)
        return "bread"

    @flow
    def town() -> None:
        bakery()

    with pytest.raises(StorageError, match="did not take the result"):
        town()


def test_a_task_does_not_run_while_its_result_may_be_there(storage: Path) -> None:
    @task
    def bake() -> None:
        done.append("bake")

    @flow
    def bakery() -> None:
        bake()
        if len(done) == 1:
            raise ValueError("The oven is out.")

    failed = bakery(return_state=True)
    [record] = kept(storage, of="tasks")
    content = record.read_bytes()
    record.unlink()
    record.mkdir()
    with pytest.raises(StorageError, match="cannot be read"):
        retry(bakery, failed).result()

    record.rmdir()
    record.write_bytes(content)
    done.append("the oven is lit")
    assert retry(bakery, failed).is_completed()
    assert done == ["bake", "the oven is lit"]


def test_deleted_results_of_many_subflows_are_made_again(
    storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefect_durable.subflows.PAGE", 1)

    @flow
    def bakery(what: str) -> str:
        done.append(what)
        return what

    @flow
    def town() -> list[str]:
        baked = [bakery("bread"), bakery("cake")]
        if len(done) == 2:
            raise ValueError("The oven is out.")
        return baked

    failed = town(return_state=True)
    for result in storage.iterdir():
        result.unlink()
    assert retry(town, failed).result() == ["bread", "cake"]
    assert done == ["bread", "cake"] * 2


def test_deleted_and_damaged_results_are_made_again(
    storage: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    @task
    def bake(what: str) -> str:
        done.append(what)
        return what

    @flow
    def bakery() -> list[str]:
        return [bake("bread"), bake("cake")]

    @flow
    def town() -> list[str]:
        baked = bakery()
        if len(done) == 2:
            raise ValueError("The oven is out.")
        return baked

    failed = town(return_state=True)
    first, second = kept(storage, of="tasks")
    for result in [first, *kept(storage, of="flows"), *storage.glob("flow-run-*")]:
        result.unlink()
    second.write_bytes(second.read_bytes()[:-100])
    done.append("the oven is lit")

    assert retry(town, failed).result() == ["bread", "cake"]
    assert sorted(done[3:]) == ["bread", "cake"]
    assert "is damaged and not used" in caplog.text
    assert "the result it was completed with is gone" in caplog.text


def test_what_cannot_be_pickled_is_refused_unless_it_is_not_to_be_kept() -> None:
    @task
    def make_lock() -> object:
        return Lock()

    @flow
    def refused() -> None:
        make_lock()

    with pytest.raises(StorageError, match="cannot pickle"):
        refused()

    @flow
    def accepted() -> None:
        make_lock.with_options(persist_result=False)()

    accepted()


def test_a_call_whose_arguments_cannot_be_hashed_runs_again_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @task
    def turn(lock: object) -> None:
        done.append("turn")
        if len(done) == 2:
            raise ValueError("The door is stuck.")

    @flow
    def door() -> None:
        turn(Lock())
        turn(Lock())

    failed = door(return_state=True)
    assert caplog.text.count("A retry repeats turn: it is given a lock, or closes over it.") == 1
    assert retry(door, failed).is_completed()
    assert done == ["turn"] * 4


def test_asynchronous_tasks_and_flows_are_kept_as_well() -> None:
    @task
    async def bake(what: str) -> str:
        done.append(what)
        if done == ["bread", "cake"]:
            raise ValueError("The oven is out.")
        return what

    @flow
    async def bakery() -> list[str]:
        return [await bake("bread"), await bake("cake")]

    failed: State[list[str]] = asyncio.run(bakery(return_state=True))
    assert retry(bakery, failed).is_completed()
    assert done == ["bread", "cake", "cake"]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(("in_memory", "reads"), [(True, 1), (False, 2)])
def test_the_result_of_a_skipped_task_is_read_once_unless_it_must_not_stay_in_memory(
    asynchronous: bool, in_memory: bool, reads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def bake(what: str) -> str:
        done.append(what)
        return what

    async def bake_meanwhile(what: str) -> str:
        return bake(what)

    baked = task(bake_meanwhile if asynchronous else bake, cache_result_in_memory=in_memory)

    @flow
    def bakery() -> str:
        bread: Any = baked.submit("bread").result()
        if len(done) == 1:
            raise ValueError("The oven is out.")
        return str(bread)

    failed = bakery(return_state=True)
    done.append("the oven is lit")
    for name in ("read_path", "aread_path"):
        monkeypatch.setattr(LocalFileSystem, name, counted(getattr(LocalFileSystem, name), read))
    assert retry(bakery, failed).result() == "bread"
    assert len(read) == reads
    assert done == ["bread", "the oven is lit"]


def test_a_result_that_expired_is_made_again() -> None:
    @task(cache_expiration=timedelta(0))
    def bake(what: str) -> None:
        done.append(what)

    @flow
    def bakery() -> None:
        bake("bread")
        if len(done) == 1:
            raise ValueError("The oven is out.")

    retry(bakery, bakery(return_state=True))
    assert done == ["bread", "bread"]


def test_a_transaction_that_is_rolled_back_is_done_again() -> None:
    @task
    def reserve(what: str) -> None:
        done.append(f"reserve {what}")

    @reserve.on_rollback
    def release(_: object) -> None:
        done.append("release")

    @flow
    def shop() -> None:
        with transaction():
            reserve("bread")
            if len(done) == 1:
                raise ValueError("There is no cake.")

    assert retry(shop, shop(return_state=True)).is_completed()
    assert done == ["reserve bread", "release", "reserve bread"]


def test_the_nearest_storage_wins(tmp_path: Path) -> None:
    for name in ("of-flow", "of-task"):
        LocalFileSystem(basepath=str(tmp_path / name)).save(name, overwrite=True)

    @task
    def plain() -> None:
        pass

    @task(result_storage="local-file-system/of-task")
    def own() -> None:
        pass

    @flow
    def by_settings() -> None:
        plain()

    @flow(result_storage="local-file-system/of-flow")
    def by_flow() -> None:
        plain()
        own()

    by_settings()
    by_flow()
    assert len(kept(tmp_path / "results", of="tasks")) == 1
    assert len(kept(tmp_path / "of-flow", of="tasks")) == 1
    assert len(kept(tmp_path / "of-task", of="tasks")) == 1


@pytest.mark.parametrize(
    ("variables", "block"),
    [
        ({"PREFECT_DEFAULT_RESULT_STORAGE_BLOCK": "a/old"}, "a/old"),
        ({"PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK": "a/new"}, "a/new"),
        (
            {
                "PREFECT_DEFAULT_RESULT_STORAGE_BLOCK": "a/old",
                "PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK": "a/new",
            },
            "a/new",
        ),
    ],
)
def test_the_environment_wins_over_the_project_by_either_name(
    variables: dict[str, str],
    block: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Settings().results.default_storage_block == block


def test_the_setting_for_tasks_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Settings().results.default_storage_block
    monkeypatch.setenv("PREFECT_TASKS_DEFAULT_STORAGE_BLOCK", "a/block")
    assert Settings().results.default_storage_block == before


BAKERY = """
from prefect_durable import flow, task

def heat():
    done.append("wood")

@task
def bake():
    done.append("bread")
    heat()

@flow
def bakery():
    bake()
    if len(done) == 2:
        raise ValueError("The oven is out.")
"""


@pytest.mark.parametrize(
    ("change", "again"),
    [(("bread", "rolls"), ["rolls", "wood"]), (("wood", "gas"), [])],
    ids=["task", "function-it-calls"],
)
def test_a_changed_task_runs_again_and_a_changed_helper_is_not_noticed(
    change: tuple[str, str],
    again: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def loaded(source: str) -> Any:
        file = tmp_path / "bakery.py"
        file.write_text(source)
        return load_flow_from_entrypoint(f"{file}:bakery")

    monkeypatch.setattr(builtins, "done", done, raising=False)
    # A source of the same size in the same second is not compiled anew.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    failed = loaded(BAKERY)(return_state=True)
    assert done == ["bread", "wood"]
    done.append("mended")
    assert retry(loaded(BAKERY.replace(*change)), failed).is_completed()
    assert done == ["bread", "wood", "mended", *again]


def test_a_subflow_is_the_same_wherever_its_project_is() -> None:
    keys = set()
    for machine in ("/opt/here", "/opt/there"):
        names: dict[str, Any] = {"flow": flow}
        exec(compile("@flow\ndef bakery(): pass", f"{machine}/flows.py", "exec"), names)
        keys.add(fingerprint(names["bakery"]))
    assert len(keys) == 1
