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
# As /proc/net has them: states, and the addresses that 127.0.0.1 is reached by.
ESTABLISHED, LISTENING = "01", "0A"
TABLES = {"tcp": ("0100007F", 8 * "0"), "tcp6": (16 * "0" + "FFFF00000100007F", 32 * "0")}
# How long a worker may take to its first answer: a slow machine needs minutes to import Prefect.
BEFORE_FIRST_ANSWER = 600
PAUSE = 5
# To an answer.
SECONDS = 10
# A busy moment costs no run.
PATIENCE = 15
# A worker whose API was away pauses between its attempts, and then finds back by itself.
PATIENCE_AFTER_ABSENCE = 60


class OthersError(Exception):
    """Whose the worker's port is."""


def main(unit: str, answered: Path) -> None:
    """Look for a while before acting: a restart is what nobody should get without need.

    `answered` is a file that is made at the worker's first answer and is gone when it stops.
    """
    port = int(os.environ["PREFECT_WORKER_WEBSERVER_PORT"])
    python = Path(os.environ.get("RUN_PROJECT", ""), ".venv/bin/python")
    if python.is_symlink() and not python.exists():
        print(f"{python.readlink()}, the Python of the release, is gone: play worker.yml again.")
    if not (seconds := _active_seconds(unit)):
        return
    try:
        _look_at(port, seconds, answered)
    except OthersError as other:
        print(f"Port {port} is another user's ({other}): choose a prefect_worker_health_port.")


def _look_at(port: int, seconds: float, answered: Path) -> None:
    if _asks_for_runs(port, PATIENCE):
        # The worker may have been stopped meanwhile.
        with contextlib.suppress(OSError):
            answered.touch()
        return
    if seconds < BEFORE_FIRST_ANSWER and not answered.exists():
        return
    if not _answers(f"{os.environ['PREFECT_API_URL']}/health", below=500):
        print("The worker does not ask for runs, but then the API does not answer: left alone.")
        return
    if _asks_for_runs(port, PATIENCE_AFTER_ABSENCE):
        return
    print("The worker does not ask for runs although the API answers: systemd restarts it.")
    sys.exit(RESTART)


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


def _asks_for_runs(port: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while not _is_healthy(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE)
    return True


def _is_healthy(port: int) -> bool:
    """Ask the worker, or raise OthersError if it is another user's process that was reached."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.connect()
        owner = _owner(port, connection.sock.getsockname()[1])
        if owner != str(os.getuid()):
            raise OthersError(owner)
        connection.request("GET", "/health")
        return connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _owner(port: int, own: int) -> str:
    """Return the number of the user at the other end of a connection from our port `own`.

    One that is not accepted yet has no inode, and is the listener's, who is there as long as it is.
    """
    for table, (loopback, anywhere) in TABLES.items():
        path = Path("/proc/net", table)
        rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        ends = [f"{loopback}:{port:04X}", f"{loopback}:{own:04X}"]
        for state, user, inode in [(row[3], row[7], row[9]) for row in rows if row[1:3] == ends]:
            if inode != "0":
                return user
            listening = {ends[0], f"{anywhere}:{port:04X}"}
            users = {row[7] for row in rows if row[3] == LISTENING and row[1] in listening}
            if state == ESTABLISHED and len(users) == 1:
                return users.pop()
    return "unknown"


def _answers(url: str, below: int) -> bool:
    try:
        # The API's own authorities, or else whom the machine trusts.
        context = ssl.create_default_context(cafile=os.environ.get("PREFECT_API_SSL_CERT_FILE"))
        with urllib.request.urlopen(url, timeout=SECONDS, context=context) as answer:
            return bool(answer.status < below)
    except urllib.error.HTTPError as error:
        return error.code < below
    except (OSError, http.client.HTTPException):
        return False


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
