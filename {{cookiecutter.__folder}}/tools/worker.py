"""Start a worker of the project's pool: `make worker`.

Prefect's worker ends its runs with it, and the API would have them as Running. This one tells it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from uuid import UUID

from prefect.states import Crashed

from .api import api
from .errors import ToolError
from .processes import flow_runs_of, stop, with_children
from .project import Project, read_project

STOPPED = "Its worker was stopped, and the run with it."
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run the worker until it ends or is interrupted."""
    try:
        return _work(read_project())
    except ToolError as reason:
        print(reason, file=sys.stderr)
        return 1


def _work(project: Project) -> int:
    command = ["worker", "start", "--pool", project.pool, "--type", project.pool_type]
    # In a session of its own: an interrupt of the terminal reaches this process alone.
    worker = subprocess.Popen([sys.executable, "-m", "prefect", *command], start_new_session=True)
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        return worker.wait()
    except KeyboardInterrupt:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        runs = flow_runs_of(with_children({worker.pid}, worker))
        print("Stopping the worker.", file=sys.stderr)
        stop(worker)
        _tell(runs)
        return 0


def _tell(runs: set[UUID]) -> None:
    """Set the runs to Crashed that ended with the worker."""
    with api() as client:
        for run in map(client.read_flow_run, sorted(runs)):
            if run.state and not run.state.is_final():
                client.set_flow_run_state(run.id, Crashed(message=STOPPED), force=True)
                print(f"Flow run {run.name}: {STOPPED}", file=sys.stderr)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
