"""What a run's unit does at its end: put how it ended into words, for where nobody else has."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import forbidden
import launch
import records

# Which system call it was is in the kernel's log alone, which no user may read: root tells it.
FORBIDDEN = "called what the sandbox forbids"
HINT = "; root's 'journalctl --dmesg --grep sig=31' names the system call"
OVERRIDES = "see prefect_worker_unit_overrides"
# Seconds until the report goes without what root may know.
PATIENCE = 20


def main() -> None:
    """Tell how it ended; a run that exits without an error has mostly told the API itself."""
    run = os.environ["PREFECT__FLOW_RUN_ID"]
    result, code, status = (
        os.environ.get(n, "") for n in ("SERVICE_RESULT", "EXIT_CODE", "EXIT_STATUS")
    )
    clean = (result, code) == ("success", "exited")
    why = in_words(result, code, status)
    records.end(run, f"{why}: {_forbidden(run)}" if status == "SYS" else why, clean)


def in_words(result: str, code: str, status: str) -> str:
    """Why the unit ended, for somebody who looks at the run and not at the machine."""
    if result == "oom-kill":
        return f"killed: {_beyond_its_memory()}"
    if result == "timeout" and (limit := os.environ.get("RUN_TIME_MAX", "infinity")) != "infinity":
        return f"stopped: ran longer than its limit of {limit}"
    if (result, status) == ("success", "TERM"):
        return "stopped with its unit, by an operator or because the machine was shut down"
    if code in ("killed", "dumped"):
        number = signal.Signals[f"SIG{status}"].value
        return f"killed by signal {number} (SIG{status})"
    if code == "exited":
        return f"exited with status {status}"
    return f"could not be started ({result})"


def _forbidden(run: str) -> str:
    """Say which system call it was, where the kernel's log has it: that of a container has not."""
    call = forbidden.described(launch.request({"forbidden": run}, PATIENCE)[0])
    return f"{FORBIDDEN}{f' ({call})' if call else HINT}; {OVERRIDES}"


def _beyond_its_memory() -> str:
    """Return whose limit was reached, the run's own or one that it shares with others."""
    path = Path("/proc/self/cgroup").read_text().rpartition("0::/")[2].strip()
    group = Path("/sys/fs/cgroup", path)
    events = (group / "memory.events.local").read_text().split()
    if events[events.index("oom") + 1] != "0":
        return f"used more than its {_limit(group)}"
    together = f"what all flow runs of its machine may use together ({_limit(group.parent)})"
    return f"{together}, or its machine's memory, was used up"


def _limit(group: Path) -> str:
    limit = (group / "memory.max").read_text().strip()
    return size(0 if limit == "max" else int(limit))


def size(limit: int) -> str:
    """A limit of memory in bytes, 0 if there is none, as people say it."""
    for unit, one in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if limit >= one:
            return f"{limit / one:.3g} {unit}"
    return f"{limit} bytes" if limit else "share of the machine's memory"
