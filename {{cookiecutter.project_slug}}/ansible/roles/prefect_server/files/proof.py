"""The flow that proves a server: its task runs have to appear in the record."""

from __future__ import annotations

import sys

from prefect import flow, task
from prefect.cache_policies import NO_CACHE


@task(cache_policy=NO_CACHE)
def step(number: int) -> int:
    """Return the number."""
    return number


@flow(name="prefect-server-proof")
def proof(tasks: int) -> None:
    """Call a task several times."""
    for future in step.map(range(tasks)):
        future.result()


if __name__ == "__main__":
    # By this id the record is looked at.
    run = proof(int(sys.argv[1]), return_state=True)
    print(f"run={run.state_details.flow_run_id}")
