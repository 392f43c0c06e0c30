"""What a launcher does when it is told to stop: end the run if it is cancelled, and only then."""

from __future__ import annotations

import os

import api
import launch


def main() -> None:
    """A worker that stops tells its launchers to stop too; its runs go on."""
    run = os.environ["PREFECT__FLOW_RUN_ID"]
    try:
        cancelled = api.run(run)["state"]["type"] in ("CANCELLING", "CANCELLED")
    except api.UnansweredError as error:
        print(f"Left alone: {error}")
    else:
        if cancelled:
            stop(run)


def stop(run: str) -> None:
    """End the run's unit and wait until all of its processes are gone."""
    _, connection = launch.request({"stop": run})
    while connection.recv(1024):
        pass
