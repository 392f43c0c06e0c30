"""Start or stop the unit of one flow run, or tell what it was ended for, as root, on request.

The workers' user asks, and nothing in the request is trusted: what the unit is and does is fixed,
its limits have to look like limits, and its environment is written for the unit, never used here.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import sys
import uuid
from pathlib import Path
from typing import Any

import forbidden
import leftovers

LARGEST = 1 << 20
# Bytes of an environment as it is written, to /run, which has to keep this share free.
LARGEST_WRITTEN = 512 << 10
FREE = 0.25
# Seconds until a request has to be complete.
PATIENCE = 10
# The kernel takes no longer string for a new process.
LONGEST = (1 << 17) - 1
SETTINGS = {
    "memory_max": ("MemoryMax", r"[1-9]\d{0,15}[KMGT]?|([1-9]\d?|100)%|infinity"),
    "cpu_quota": ("CPUQuota", r"[1-9]\d{0,5}%"),
    "tasks_max": ("TasksMax", r"[1-9]\d{0,8}|infinity"),
    "time_max": ("RuntimeMaxSec", r"[1-9]\d{0,8}(s|min|h|d)?|infinity"),
}
# What a run's end is told by, which is not for the request to say.
OF_SYSTEMD = {
    *("SERVICE_RESULT", "EXIT_CODE", "EXIT_STATUS"),
    *(f"RUN_{name.upper()}" for name in SETTINGS),
}


class RefusedError(Exception):
    """Why, in a few words."""


class BusyError(Exception):
    """Not now."""


def main(unit: str, limit: str, instance: str) -> None:
    """Answer `ok` or why not; the connection stays open until what was asked for is done."""
    try:
        request = json.loads(_read())
        if "forbidden" in request:
            print(forbidden.logged(f"{unit}@{uuid.UUID(request['forbidden'])}.service"))
            return
        if "stop" in request:
            command = ["stop", f"{unit}@{uuid.UUID(request['stop'])}.service"]
        else:
            command = ["start", "--wait", _prepared(request, unit, int(limit), instance)]
    except BusyError:
        print("busy")
    except (RefusedError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"the request is not accepted ({error})")
    else:
        print("ok", flush=True)
        os.execv("/usr/bin/systemctl", ["systemctl", *command])


def _read() -> bytes:
    """Return the whole request; whoever sends none does not keep a process of root's."""
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(PATIENCE)
    text = sys.stdin.buffer.read(LARGEST + 1)
    signal.alarm(0)
    if len(text) > LARGEST:
        raise RefusedError(f"it is larger than {LARGEST} bytes")
    return text


def _give_up(*_: object) -> None:
    raise RefusedError(f"it is not complete after {PATIENCE} seconds")


def _prepared(request: dict[str, Any], unit: str, limit: int, instance: str) -> str:
    """Return the unit's name, when its environment and limits are where systemd finds them."""
    settings = "".join(_setting(*pair) for pair in request["limits"].items())
    environment = "".join(_line(*pair) for pair in request["environment"].items())
    if len(environment.encode()) > LARGEST_WRITTEN:
        raise RefusedError(f"its environment is larger than {LARGEST_WRITTEN} bytes")
    if not _has_room(leftovers.runtime()):
        print("/run has less than a quarter free", file=sys.stderr)
        raise BusyError
    left = leftovers.Leftovers(unit, request["start"])
    if not left.hold() or not _has_slot(leftovers.runtime(), limit):
        raise BusyError
    left.dropin.mkdir(exist_ok=True)
    _write(left.environment, environment, 0o600)
    # A unit that is not loaded yet is read with its drop-ins, so there is nothing to reload. When
    # the machine is shut down, the run is stopped before the unit that removes its environment.
    text = f"[Unit]\nAfter={instance}\n[Service]\n{settings}"
    _write(left.dropin / "limits.conf", text, 0o644)
    return left.unit


def _setting(name: str, value: str) -> str:
    setting, accepted = SETTINGS[name]
    if not re.fullmatch(accepted, value, re.ASCII):
        raise RefusedError(f"{name} is {value[:40]!r}")
    # The second one is for the sentence that tells why a run was ended.
    return f"{setting}={value}\nEnvironment=RUN_{name.upper()}={value}\n"


def _line(name: str, value: str) -> str:
    """The pair as systemd reads it back, whatever is in the value."""
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or name in OF_SYSTEMD:
        return ""
    # Systemd would refuse the whole file.
    if "\0" in value or not _is_text(value):
        raise RefusedError(f"{name} is not text")
    if len(name) + len(value.encode()) + 1 > LONGEST:
        raise RefusedError(f"{name} is longer than {LONGEST} bytes")
    quoted = re.sub(r'(["\\$`])', r"\\\1", value)
    return f'{name}="{quoted}"\n'


def _is_text(value: str) -> bool:
    """Return whether it has only what systemd takes for characters."""
    return not any(
        0xD800 <= ord(one) < 0xE000 or 0xFDD0 <= ord(one) < 0xFDF0 or ord(one) & 0xFFFE == 0xFFFE
        for one in value
    )


def _has_room(folder: Path) -> bool:
    there = os.statvfs(folder)
    return there.f_bavail >= FREE * there.f_blocks


def _write(path: Path, text: str, mode: int) -> None:
    path.touch(mode)
    path.write_text(text, encoding="utf-8")


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
