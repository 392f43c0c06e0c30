"""Root's part, one process for each request: start or stop the unit of a flow run, nothing else.

It takes orders from the workers' user, so it trusts nothing in them: what the unit is and does is
fixed, and its limits have to look like limits.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import sys
import time
import uuid
from pathlib import Path
from typing import Any

LARGEST = 1 << 20
SETTINGS = {
    "memory_max": ("MemoryMax", r"[1-9]\d{0,15}[KMGT]?|([1-9]\d?|100)%|infinity"),
    "cpu_quota": ("CPUQuota", r"[1-9]\d{0,5}%"),
    "tasks_max": ("TasksMax", r"[1-9]\d{0,8}|infinity"),
    "time_max": ("RuntimeMaxSec", r"[1-9]\d{0,8}(s|min|h|d)?|infinity"),
}


class RefusedError(Exception):
    """Why, in a few words."""


class BusyError(Exception):
    """Not now."""


def main(unit: str, limit: str) -> None:
    """Answer `ok` or why not; the connection stays open until what was asked for is done."""
    try:
        request = json.loads(_read())
        if "stop" in request:
            command = ["stop", _name(unit, request["stop"])]
        else:
            command = ["start", "--wait", _prepared(request, unit, int(limit))]
    except BusyError:
        print("busy")
    except (RefusedError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"the request is not accepted ({error})")
    else:
        print("ok", flush=True)
        os.execv("/usr/bin/systemctl", ["systemctl", *command])


def _read() -> bytes:
    text = sys.stdin.buffer.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise RefusedError(f"it is larger than {LARGEST} bytes")
    return text


def _name(unit: str, run: str) -> str:
    return f"{unit}@{uuid.UUID(run)}.service"


def _prepared(request: dict[str, Any], unit: str, limit: int) -> str:
    """The unit's name, when its environment and its own limits are where systemd finds them."""
    name = _name(unit, request["start"])
    settings = "".join(_setting(*pair) for pair in request["limits"].items())
    environment = "".join(_line(*pair) for pair in request["environment"].items())
    runtime = Path(os.environ["RUNTIME_DIRECTORY"])
    if not _is_gone(name) or not _has_slot(runtime, limit):
        raise BusyError
    _write(runtime / f"{uuid.UUID(request['start'])}.env", environment, 0o600)
    # A unit that is not loaded yet is read with its drop-ins, so there is nothing to reload.
    _write(Path(f"/run/systemd/system/{name}.d/limits.conf"), f"[Service]\n{settings}", 0o644)
    return name


def _setting(name: str, value: str) -> str:
    setting, accepted = SETTINGS[name]
    if not re.fullmatch(accepted, value, re.ASCII):
        raise RefusedError(f"{name} is {value[:40]!r}")
    # The second one is for the sentence that tells why a run was ended.
    return f"{setting}={value}\nEnvironment=RUN_{name.upper()}={value}\n"


def _line(name: str, value: str) -> str:
    """The pair as systemd reads it back, whatever is in the value."""
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        return ""
    quoted = re.sub(r'(["\\$`])', r"\\\1", value)
    return f'{name}="{quoted}"\n'


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(exist_ok=True)
    path.touch(mode)
    path.write_bytes(text.encode(errors="surrogateescape"))


def _has_slot(runtime: Path, limit: int) -> bool:
    """Hold one of so many locks as long as the run lasts: systemctl inherits it."""
    return not limit or any(_locked(runtime / f"slot-{number}") for number in range(limit))


def _locked(path: Path) -> bool:
    slot = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(slot, True)
    try:
        fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(slot)
        return False
    return True


def _is_gone(name: str) -> bool:
    """Whether an earlier attempt at this run is over; what its unit does last takes a moment."""
    group = Path(os.environ["RUN_GROUPS"], name)
    deadline = time.monotonic() + 10
    while group.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    return not group.exists()
