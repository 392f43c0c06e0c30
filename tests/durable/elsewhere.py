"""Flows of which one process runs the first attempt, which fails, and another one the retry."""

import json
import sys
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from prefect import allow_failure, get_client, unmapped
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun, State
from prefect.serializers import Serializer
from prefect.states import Cancelled, Completed, Crashed
from prefect.task_runners import ProcessPoolTaskRunner
from prefect.transactions import transaction
from prefect_durable import current_key, do_each, flow, settle, task
from prefect_durable.testing import create_flow_run, flow_run_id, run

done: list[str] = []


def is_first() -> bool:
    """Tell whether this is the first attempt."""
    return sys.argv[2] == "1"


def fail_once() -> None:
    """Fail the first attempt."""
    if is_first():
        raise ValueError("once")


def write_invoice(order: str) -> str:
    """Write an invoice; in the first attempt two customers cannot be reached."""
    done.append(order)
    if order in ("c", "y"):
        fail_once()
    return order.upper()


@task
def write_what_is_left() -> list[Any]:
    """Write what is left to be written."""
    return do_each(write_invoice, ["a", "b", "c", "d"] if is_first() else ["c"])


@flow
def shorter_list() -> list[Any]:
    """Do the items of a list that is another one in the retry."""
    return [outcome.value for outcome in write_what_is_left()]


@task
def write_two_lists() -> list[list[Any]]:
    """Do two lists, one after the other."""
    first, second = do_each(write_invoice, ["p", "q"]), do_each(write_invoice, ["x", "y"])
    return [[outcome.value for outcome in outcomes] for outcomes in (first, second)]


@flow
def two_lists() -> list[list[Any]]:
    """Do two lists in one task."""
    return write_two_lists()


@task(cache_policy=NO_CACHE)
def inside() -> bool:
    """Tell whether this task has a key."""
    return current_key() is not None


@task
def around() -> tuple[bool, bool]:
    """Tell whether a task without a key has one, and the one around it."""
    return inside(), current_key() is not None


@flow
def keys() -> tuple[bool, bool]:
    """Tell which tasks have keys."""
    return around()


@task
def stop_once(how: str) -> Any:
    """Return a state that is no success, the first time."""
    done.append(how)
    if done.count(how) == 1:
        return Cancelled() if how == "cancelled" else Crashed()
    return how


@flow
def stopped() -> list[str]:
    """Repeat tasks until they succeed."""
    found = []
    for how in ("cancelled", "crashed"):
        while not (state := stop_once(how, return_state=True)).is_completed():
            pass
        found.append(state.result())
    fail_once()
    return found


@task
def skip() -> State[Any]:
    """Return a state that was made by hand."""
    done.append("skip")
    return Completed(name="SKIPPED")


@flow
def named_state() -> str | None:
    """Return the name of a task's state."""
    name = skip(return_state=True).name
    fail_once()
    return name


def read_child(child: UUID) -> FlowRun:
    """Return a flow run, which completes between the attempts."""
    done.append("read")
    with get_client(sync_client=True) as client:
        if not is_first():
            client.set_flow_run_state(child, Completed(), force=True)
        return client.read_flow_run(child)


task_that_reads, flow_that_reads = task(read_child), flow(read_child)


@flow
def child_in_a_task(child: UUID) -> None:
    """Go on when a run that a task returns has completed."""
    settle([task_that_reads(child)])


@flow
def child_in_a_subflow(child: UUID) -> None:
    """Go on when a run that a subflow returns has completed."""
    settle([flow_that_reads(child)])


class OfTables(Serializer):  # type: ignore[type-arg]  # Prefect refuses to name a kind
    """A serializer that takes nothing but tables."""

    type: Literal["tables"] = "tables"

    def dumps(self, obj: Any) -> bytes:
        """Write a table."""
        if not isinstance(obj, list):
            raise TypeError(f"{obj!r} is no table.")
        return json.dumps(obj).encode()

    def loads(self, blob: bytes) -> Any:
        """Read a table."""
        return json.loads(blob)


@task
def make_table() -> list[int]:
    """Make a table."""
    done.append("make")
    return [1, 2]


@flow(result_serializer=OfTables())
def table() -> list[int]:
    """Return a table."""
    made = make_table()
    fail_once()
    return made


class Basket:
    """What a subflow changes."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.goods: list[str] = []


@flow
def fill(basket: Any) -> None:
    """Change what is given."""
    done.append("fill")
    basket.goods.append("bread")


@flow
def weigh(basket: Any) -> int:
    """Change nothing."""
    done.append("weigh")
    return len(basket.goods)


@flow
def filled() -> list[Any]:
    """Return what a subflow has changed."""
    basket = Basket()
    fill(basket)
    weight = weigh(basket)
    fail_once()
    return [basket.goods, weight]


@task
def count_in_pool(notes: str, shop: str) -> str:
    """Note an execution where another process can read it."""
    with Path(notes).open("a") as file:
        file.write(f"{shop}\n")
    return shop.upper()


@task
def call_in_pool(notes: str, shop: str) -> str:
    """Call a task where this one is executed."""
    return count_in_pool(notes, shop)


@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
def pooled() -> list[str]:
    """Run tasks in other processes: equal, mapped, with a task inside, and in a transaction."""
    notes = Path(sys.argv[1], "pooled")
    shops = ["mill", "mill", "till"]
    calls = [count_in_pool.submit(str(notes), shop) for shop in shops]
    mapped = count_in_pool.map(unmapped(str(notes)), ["port", "bank"])
    inside = call_in_pool.submit(str(notes), calls[2])
    found = [future.result() for future in (*calls, *mapped, inside)]
    with transaction():
        count_in_pool.submit(str(notes), "ferry").result()
        done.extend(sorted(notes.read_text().split()))
        fail_once()
    return found


@task
def read_in_pool() -> int:
    """Read, which fails in the first attempt."""
    fail_once()
    return 5


@task
def pass_on(read: Any) -> int:
    """Return what was read, or nothing."""
    return read if isinstance(read, int) else 0


@task
def is_retried() -> bool:
    """Tell whether this is executed in the second attempt."""
    return not is_first()


@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
def after_another_value() -> bool:
    """Run a task after one that is given something else in a retry."""
    passed = pass_on.submit(allow_failure(read_in_pool.submit()))
    found = is_retried.submit(wait_for=[passed]).result()
    fail_once()
    return found


FLOWS: list[Any] = [
    *(shorter_list, two_lists, keys, stopped, named_state, table, filled),
    *(pooled, after_another_value),
]
WITH_CHILD: list[Any] = [child_in_a_task, child_in_a_subflow]


def main(folder: Path, attempt: int) -> None:
    """Run an attempt of each flow, and write what became of it."""
    before = {} if is_first() else json.loads((folder / "1.json").read_text())
    report = {}
    for one in FLOWS + WITH_CHILD:
        if is_first():
            given = {"child": create_flow_run(flow_that_reads)} if one in WITH_CHILD else {}
            of_run = create_flow_run(one, **given)
        else:
            of_run = UUID(before[one.__name__]["id"])
        done.clear()
        state = run(one, of_run)
        report[one.__name__] = {
            "id": str(flow_run_id(state)),
            "state": state.name,
            "message": state.message,
            "done": list(done),
            "result": state.result() if state.is_completed() else None,
        }
    (folder / f"{attempt}.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
