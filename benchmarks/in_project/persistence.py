"""Times tasks whose results are kept, and others: `persistence PACKAGE SIZE:COUNT…`."""

from __future__ import annotations

import json
import random
import sys

import prefect_durable

from benchmarks.in_project.engine import completed, created, warm_up

made = b""


@prefect_durable.task
def make(number: int) -> bytes:
    """Return a result of the size that is measured."""
    return made


@prefect_durable.task(persist_result=False)
def make_not_kept(number: int) -> bytes:
    """Return the same, to be forgotten."""
    return made


@prefect_durable.flow
def kept(count: int) -> None:
    """Make results that are kept."""
    for number in range(count):
        make(number)


@prefect_durable.flow(persist_result=False)
def not_kept(count: int) -> None:
    """Make results that are not kept."""
    for number in range(count):
        make_not_kept(number)


def main() -> None:
    """Print the seconds that a task takes, kept and not kept, for each size."""
    global made
    warm_up()
    # Each flow's first run also finds the storage.
    for flow in (not_kept, kept):
        completed(flow, created(flow, count=1))
    found: dict[str, dict[str, float]] = {}
    for wish in sys.argv[2:]:
        size, count = map(int, wish.split(":"))
        made = random.Random(1).randbytes(size)
        found[str(size)] = {
            flow.name.replace("-", "_"): completed(flow, created(flow, count=count)) / count
            for flow in (not_kept, kept)
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
