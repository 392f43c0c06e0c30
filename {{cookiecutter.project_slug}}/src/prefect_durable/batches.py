"""Many items in few tasks, with every item's outcome kept.

The server keeps a record of every task, and takes in about thirty a second. A task for each of ten
thousand items overruns it for good; a task for each hundred of them does not.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from prefect.context import TaskRunContext
from prefect.logging import get_run_logger
from prefect.results import get_result_store, should_persist_result

from .calls import call_key
from .storage import keep, read_kept

Item = TypeVar("Item")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Outcome(Generic[Item, Value]):
    """What became of an item: a value, or the error in words."""

    item: Item
    value: Value | None = None
    error: str | None = None


class ItemsFailed(Exception):
    """Some items failed; `outcomes` holds those of all."""

    def __init__(self, outcomes: list[Outcome[Any, Any]]) -> None:
        """Keep the outcomes of all items."""
        super().__init__(outcomes)
        self.outcomes = outcomes

    def __str__(self) -> str:
        """Say how many items failed, and the first three reasons."""
        failed = [outcome for outcome in self.outcomes if outcome.error]
        reasons = "; ".join(f"{outcome.item!r}: {outcome.error}" for outcome in failed[:3])
        more = f"; and {len(failed) - 3} more" if len(failed) > 3 else ""
        return f"{len(failed)} of {len(self.outcomes)} items failed. {reasons}{more}"

    def __repr__(self) -> str:
        """Say the same, as Prefect logs it."""
        return f"{type(self).__name__}({str(self)!r})"


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Split items into lists of `size`, without holding them all."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def do_each(do: Callable[[Item], Value], items: list[Item]) -> list[Outcome[Item, Value]]:
    """Do every item of a task and return their outcomes.

    What was done is kept when the task fails or is stopped, and not done again when it is retried
    with equal items. Where the items are others, all of them are done. Nothing is kept of a list
    whose items were all done: what is kept of it is the result of the task.

    Raises:
        ItemsFailed: at least one item failed.
    """
    key = _key(do, items)  # before any item is done, as that may change it
    done: dict[int, Outcome[Item, Value]] = _read_done(key)
    failed: dict[int, Outcome[Item, Value]] = {}
    try:
        for number, item in enumerate(items):
            if number not in done:
                outcome = _do(do, item)
                (failed if outcome.error else done)[number] = outcome
    finally:
        if len(done) < len(items):
            _write_done(key, done)
    outcomes = [(done | failed)[number] for number in range(len(items))]
    if failed:
        raise ItemsFailed(outcomes)
    return outcomes


def _do(do: Callable[[Item], Value], item: Item) -> Outcome[Item, Value]:
    """Do one item; an exception becomes its outcome."""
    try:
        return Outcome(item, value=do(item))
    except Exception as error:
        get_run_logger().warning("%r failed", item, exc_info=True)
        return Outcome(item, error=f"{type(error).__name__}: {error}")


def _read_done(key: str | None) -> dict[int, Any]:
    """Return the outcomes that an earlier attempt of this call kept, by number."""
    record = read_kept(get_result_store(), key) if key else None
    done: dict[int, Any] = record.result if record else {}
    return done


def _write_done(key: str | None, done: dict[int, Any]) -> None:
    """Keep outcomes for the next attempt of this call."""
    if key:
        store = get_result_store()
        keep(store, store.create_result_record(done, key))


def _key(do: Callable[[Item], Any], items: list[Item]) -> str | None:
    """Return the key under which the outcomes of these items are kept, if they are."""
    if TaskRunContext.get() is None:
        raise RuntimeError("There is no task running.")
    key = call_key("items", "do_each", do, items) if should_persist_result() else None
    return f"{key}-items" if key else None
