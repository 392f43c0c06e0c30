"""The systemd units of one worker, and their states."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

UNITS = Path("/etc/systemd/system")
LIST = ("list-units", "--plain", "--no-legend", "--full", "--state=active")
KEYS = "--property=Id,ActiveState,UnitFileState,ActiveEnterTimestampMonotonic"


def installed_units(unit: str) -> list[str]:
    """Return the units of the worker that are on the machine."""
    worker = unit.removeprefix("prefect-worker-").removesuffix(".service")
    watchdog, check = f"prefect-worker-{worker}-watchdog", f"prefect-check-{worker}"
    own = [unit, f"{watchdog}.timer", f"{watchdog}.service", f"prefect-start-{worker}.socket"]
    own += [f"{check}.timer", f"{check}.service", f"prefect-restart-{worker}.service"]
    return [name for name in own if Path(UNITS, name).exists()]


def active_units(units: list[str]) -> list[str]:
    """Return those that are active; systemd would list all of the machine's if none were named."""
    lines = systemctl(*LIST, *units).splitlines() if units else []
    return [line.split()[0] for line in lines]


def states(units: list[str]) -> dict[str, dict[str, Any]]:
    """Return whether each unit is active and enabled, and since when, in seconds of uptime."""
    found = {}
    output = systemctl("show", KEYS, *units) if units else ""
    for block in output.strip().split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if values:
            found[values["Id"]] = {
                "active": values["ActiveState"] in ("active", "activating", "reloading"),
                "enabled": values["UnitFileState"] == "enabled",
                "since": int(values["ActiveEnterTimestampMonotonic"] or 0) / 1e6,
            }
    return found


def systemctl(*arguments: str) -> str:
    """Return what systemd says; what it refuses is seen in the states afterwards."""
    command = ["systemctl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
