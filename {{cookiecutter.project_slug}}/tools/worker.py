"""Start a worker of the project's pool: `make worker`.

Prefect's worker ends its runs with it, and the API would have them as Running. This one tells it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from .api import api
from .errors import ended
from .processes import ENDINGS, FLOW_RUN, LOOK, flow_runs_of, stop, stopping
from .project import Project, read_project

STOPPED = "Its worker was stopped, and the run with it."


def main() -> int:
    """Run the worker until it ends or is interrupted."""
    return _work(read_project())


def _work(project: Project) -> int:
    command = ["worker", "start", "--pool", project.pool, "--type", project.pool_type]
    # A worker that a flow starts is no part of its run.
    environment = {name: value for name, value in os.environ.items() if name != FLOW_RUN}
    interrupts: list[int] = []
    for number in ENDINGS:
        signal.signal(number, lambda signal_number, _: interrupts.append(signal_number))
    # In a session of its own: an interrupt of the terminal reaches this process alone.
    worker = subprocess.Popen(
        [sys.executable, "-m", "prefect", *command], env=environment, start_new_session=True
    )
    try:
        while not interrupts:
            if worker.poll() is not None:
                return worker.returncode
            time.sleep(LOOK)
        print("Stopping the worker.", file=sys.stderr)
        # It may start more of them until it has ended.
        runs = {run for family in stopping(worker) for run in flow_runs_of(family)}
    finally:
        stop(worker)
    _tell(runs)
    return 0


def _tell(runs: set[UUID]) -> None:
    """Set the runs to Crashed that ended with the worker."""
    with api() as client:
        for run_id in sorted(runs):
            with suppress(ObjectNotFound):
                _tell_of(run_id, client)


def _tell_of(run_id: UUID, client: SyncPrefectClient) -> None:
    """Set a run to Crashed, unless it ended by itself or is to start again."""
    run = client.read_flow_run(run_id)
    if run.state and not run.state.is_final() and not run.state.is_scheduled():
        client.set_flow_run_state(run.id, Crashed(message=STOPPED), force=True)
        print(f"Flow run {run.name}: {STOPPED}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(ended(main))
