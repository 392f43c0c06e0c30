"""Times tasks whose results are kept, and others: `persistence PACKAGE SIZE COUNT`."""

from __future__ import annotations

import json
import random
import sys

from benchmarks.in_project.engine import completed, created, of_project, warm_up

results = of_project("results")
made = b""


@results.task
def make(number: int) -> bytes:
    """Return a result of the size that is measured."""
    return made


@results.task(persist_result=False)
def make_not_kept(number: int) -> bytes:
    """Return the same, to be forgotten."""
    return made


@results.flow
def kept(count: int) -> None:
    """Make results that are kept."""
    for number in range(count):
        make(number)


@results.flow(persist_result=False)
def not_kept(count: int) -> None:
    """Make results that are not kept."""
    for number in range(count):
        make_not_kept(number)


def main() -> None:
    """Print the seconds that a task takes, kept and not kept."""
    global made
    size, count = int(sys.argv[2]), int(sys.argv[3])
    made = random.Random(1).randbytes(size)
    warm_up()
    flows = (not_kept, kept, not_kept, kept)
    # Each flow's first run also finds the storage.
    found = [completed(flow, created(flow, count=count)) / count for flow in flows][2:]
    print(json.dumps({"not_kept": found[0], "kept": found[1]}))


if __name__ == "__main__":
    main()
