"""Start the server's services, with a recorder that drops nothing while the database is away."""

from __future__ import annotations

import sys

from prefect.cli import app
from prefect.server.services.task_run_recorder import DEFAULT_PERSIST_MAX_RETRIES, TaskRunRecorder

if __name__ == "__main__":
    # No setting has it: after six attempts, some seconds, it would drop task runs without a word
    # that anybody reads.
    if TaskRunRecorder.start.__defaults__ != (DEFAULT_PERSIST_MAX_RETRIES,):
        sys.exit("This Prefect's recorder starts in another way: its retries cannot be set.")
    TaskRunRecorder.start.__defaults__ = (sys.maxsize,)
    sys.argv[1:] = ["server", "services", "start"]
    app()
