"""Restart a worker that no longer asks for runs, unless it is the API that does not answer."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

GRACE = 120
TRIES = 3
PAUSE = 5


def main(unit: str) -> None:
    """Look several times before acting, so that a busy moment costs no run."""
    health = f"http://127.0.0.1:{os.environ['PREFECT_WORKER_WEBSERVER_PORT']}/health"
    if _active_seconds(unit) < GRACE:
        return
    for _ in range(TRIES):
        if _answers(health, below=300, direct=True):
            return
        time.sleep(PAUSE)
    if not _answers(f"{os.environ['PREFECT_API_URL']}/health", below=500):
        print("The worker does not ask for runs, but then the API does not answer: left alone.")
        return
    print("The worker does not ask for runs although the API answers: restarting it.", flush=True)
    subprocess.run(["systemctl", "try-restart", unit], check=True)


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


def _answers(url: str, below: int, direct: bool = False) -> bool:
    handlers = [urllib.request.ProxyHandler({})] if direct else []
    try:
        with urllib.request.build_opener(*handlers).open(url, timeout=10) as answer:
            return bool(answer.status < below)
    except urllib.error.HTTPError as error:
        return error.code < below
    except OSError:
        return False


if __name__ == "__main__":
    main(sys.argv[1])
