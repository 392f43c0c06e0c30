"""Runs one flow over many items: `fan_out PACKAGE fan_out|map ITEMS`.

A process for each run, as its peak of memory is that of the process.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

from prefect import Flow, flow, task

from benchmarks.in_project.engine import SERVER, completed, created, of_project, warm_up
from benchmarks.processor import cpu_seconds

module = of_project("flows.fan_out")
write_invoice = task(module.write_invoice)


# Prefect's default is not to keep results; a storage in `prefect.toml` alone makes it keep them.
@flow(persist_result=False)
def mapped(orders: int) -> list[str]:
    """Write the invoice of every order in a task of its own, as Prefect's documentation does."""
    return [future.result() for future in write_invoice.map(range(1, orders + 1))]


FLOWS: dict[str, Flow[..., Any]] = {"fan_out": module.fan_out, "map": mapped}


def main() -> None:
    """Print the run, its seconds, its end, its peak of MiB, and what the server had used before."""
    chosen, items = FLOWS[sys.argv[2]], int(sys.argv[3])
    warm_up()
    used = cpu_seconds(SERVER)
    run_id = created(chosen, orders=items)
    seconds = completed(chosen, run_id)
    found = {
        "run": run_id,
        "seconds": seconds,
        "ended": time.time(),
        "server": used,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
