"""Tell whether a worker no longer asks for runs, unless it is the API that does not answer."""

import contextlib
import http.client
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

# The exit status that has systemd restart the worker.
RESTART = 75
# As /proc/net/tcp has it.
LISTENING, LOOPBACK, ANY = "0A", "0100007F", "00000000"
# How long a worker may take to its first answer: a slow machine needs minutes to import Prefect.
BEFORE_FIRST_ANSWER = 600
PAUSE = 5
# A busy moment costs no run.
PATIENCE = 15
# A worker whose API was away pauses between its attempts, and then finds back by itself.
PATIENCE_AFTER_ABSENCE = 60


def main(unit: str, answered: Path) -> None:
    """Look for a while before acting: a restart is what nobody should get without need.

    `answered` is a file that is made at the worker's first answer and is gone when it stops.
    """
    port = os.environ["PREFECT_WORKER_WEBSERVER_PORT"]
    health = f"http://127.0.0.1:{port}/health"
    python = Path(os.environ.get("RUN_PROJECT", ""), ".venv/bin/python")
    if python.is_symlink() and not python.exists():
        print(f"{python.readlink()}, the Python of the release, is gone: play worker.yml again.")
    if not (seconds := _active_seconds(unit)):
        return
    if other := _others_at(int(port)):
        print(f"Port {port} is another user's ({other}): choose a prefect_worker_health_port.")
        return
    if _asks_for_runs(health, PATIENCE):
        # The worker may have been stopped meanwhile.
        with contextlib.suppress(OSError):
            answered.touch()
        return
    if seconds < BEFORE_FIRST_ANSWER and not answered.exists():
        return
    if not _answers(f"{os.environ['PREFECT_API_URL']}/health", below=500):
        print("The worker does not ask for runs, but then the API does not answer: left alone.")
        return
    if _asks_for_runs(health, PATIENCE_AFTER_ABSENCE):
        return
    print("The worker does not ask for runs although the API answers: systemd restarts it.")
    sys.exit(RESTART)


def _others_at(port: int) -> str:
    """Return the number of the user who has the worker's port instead of it, if somebody has."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    here = {f"{address}:{port:04X}" for address in (LOOPBACK, ANY)}
    users = {row[7] for row in rows if row[3] == LISTENING and row[1] in here}
    return next(iter(users - {str(os.getuid())}), "")


def _active_seconds(unit: str) -> float:
    """How long the unit has been active; 0 if it is not, as when an operator has stopped it."""
    keys = "--property=ActiveState,ActiveEnterTimestampMonotonic"
    shown = subprocess.run(
        ["systemctl", "show", unit, keys], capture_output=True, text=True, check=True
    )
    found = dict(line.split("=", 1) for line in shown.stdout.splitlines())
    if found["ActiveState"] != "active":
        return 0
    return time.monotonic() - int(found["ActiveEnterTimestampMonotonic"]) / 1e6


def _asks_for_runs(health: str, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while not _answers(health, below=300, direct=True):
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE)
    return True


def _answers(url: str, below: int, direct: bool = False) -> bool:
    try:
        # The API's own authorities, or else whom the machine trusts.
        context = ssl.create_default_context(cafile=os.environ.get("PREFECT_API_SSL_CERT_FILE"))
        handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=context)]
        if direct:
            handlers.append(urllib.request.ProxyHandler({}))
        with urllib.request.build_opener(*handlers).open(url, timeout=10) as answer:
            return bool(answer.status < below)
    except urllib.error.HTTPError as error:
        return error.code < below
    except (OSError, http.client.HTTPException):
        return False


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
