"""In place of a flow run's process: have its unit started, then wait for its end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

import records

LIMITS = ("memory_max", "cpu_quota", "tasks_max", "time_max")
# What a job variable is that nobody gave a value.
NONE = ("", "None")
# What systemd says to the worker's unit is not for the run's.
OF_THE_WORKER = {
    "CREDENTIALS_DIRECTORY",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LISTEN_FDS",
    "LISTEN_PID",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "NOTIFY_SOCKET",
    "STATE_DIRECTORY",
    "SYSTEMD_EXEC_PID",
}
# Python is gone by then. TERM is for a cancelled run, but also for one whose worker stops.
WAIT = """trap 'trap "" TERM; exec "$@" cancel' TERM; cat <&9 >&2 & wait"""


def main(*variables: str) -> None:
    """Ask for the unit; from then on whatever becomes of the run is its unit's to tell."""
    pairs = (variable.split("=", 1) for variable in variables)
    given = {name: value for name, value in pairs if value not in NONE}
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    run = os.environ["PREFECT__FLOW_RUN_ID"]
    answer, connection = _ask_to_start(run, given)
    if answer == "busy":
        _postpone(run)
    elif answer:
        records.end(run, f"could not be started: {answer}")
    else:
        _wait(connection, stopped)


def _ask_to_start(run: str, given: dict[str, str]) -> tuple[str, socket.socket]:
    environment = {name: value for name, value in os.environ.items() if name not in OF_THE_WORKER}
    # The worker's own, which nothing of a run can write into; the unit has another.
    if environment.get("HOME") == str(Path(os.environ["RUN_PROJECT"]).parent):
        del environment["HOME"]
    # A worker goes on when a new release has the same packages; what it starts is of that release.
    environment["PROJECT_DIR"] = os.path.realpath(os.environ["RUN_PROJECT"])
    environment["RUN_RECORD"] = records.begin(run, given.get("crash_retries", ""))
    if folder := given.get("working_dir"):
        environment["RUN_WORKING_DIR"] = folder
    limits = {name: given[name] for name in LIMITS if name in given}
    return request({"start": run, "limits": limits, "environment": environment})


def request(what: dict[str, object], seconds: float | None = None) -> tuple[str, socket.socket]:
    """Why it was refused, if it was; and a connection that ends when what was asked for has."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(seconds)
    try:
        connection.connect(os.environ["RUN_SOCKET"])
        connection.sendall(json.dumps(what).encode())
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile().readline().strip()
    except OSError as error:
        return f"{os.environ['RUN_SOCKET']}: {error.strerror}", connection
    return ("" if answer == "ok" else answer or "no answer"), connection


def _postpone(run: str) -> None:
    """Leave it to the next worker that has room; after a restart a worker forgets what it runs."""
    import api
    import deliver

    with contextlib.suppress(api.UnansweredError):
        print(deliver.release(run, "this machine runs as many as it may", delay=30))
    records.remove(run)


def _wait(connection: socket.socket, stopped: list[int]) -> NoReturn:
    this = [sys.executable, "-I", sys.path[0]]
    if stopped:
        os.execv(sys.executable, [*this, "cancel"])
    os.dup2(connection.fileno(), 9)
    os.execv("/bin/sh", ["sh", "-c", WAIT, "sh", *this])
