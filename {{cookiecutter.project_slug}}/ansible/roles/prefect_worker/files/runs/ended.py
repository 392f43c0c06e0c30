"""Why and when a container ended, from what its engine shows of it."""

from __future__ import annotations

import datetime
import re
import signal
import time
from typing import Any

import records
import report


def has_begun(shown: dict[str, Any]) -> bool:
    """Or else its worker is about to start it, or could not and said so."""
    return shown["State"]["Status"] != "created" or _moment(shown["State"]["StartedAt"]) > 0


def end(shown: dict[str, Any]) -> tuple[str, float]:
    """Return why a container ended, and how many seconds ago."""
    state = shown["State"]
    now, booted = time.time(), records.FIRST.stat().st_mtime
    began, ended = _moment(state["StartedAt"]), _moment(state["FinishedAt"])
    if began < booted and not began <= ended < booted:
        return "its machine was restarted or lost power", now - booted
    return _in_words(shown), now - ended


def _in_words(shown: dict[str, Any]) -> str:
    state = shown["State"]
    status = int(state["ExitCode"])
    if state["OOMKilled"]:
        return f"killed: used more than its {report.size(shown['HostConfig']['Memory'])}"
    if status > 128 and status - 128 in signal.Signals.__members__.values():
        name = signal.Signals(status - 128).name.removeprefix("SIG")
        return report.in_words("signal", "killed", name)
    return report.in_words("exit-code", "exited", str(status))


def _moment(text: str) -> float:
    """In seconds; engines write nanoseconds, and the year 1 for what has not been."""
    whole = datetime.datetime.fromisoformat(text[:19]).replace(tzinfo=datetime.UTC)
    fraction = re.match(r"\.\d+", text[19:])
    return whole.timestamp() + (float(fraction[0]) if fraction else 0)
