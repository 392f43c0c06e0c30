"""Running a program as a worker would."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LINE = re.compile("^[A-Z].*=.*", re.M)
# How a service starts and ends, which is another matter for one command.
LIFE = ("Exec", "Restart", "Runtime", "Start", "Timeout", "Type", "Watchdog")


def run_as_worker(
    command: list[str], wanted: dict[str, Any], release: Path, environment: list[Path]
) -> subprocess.CompletedProcess[str]:
    """Run it as the workers' user, in the release, with settings, its sandbox and the overrides."""
    properties = [
        f"User={wanted['user']}",
        f"WorkingDirectory={release}",
        f"RuntimeMaxSec={wanted['timeout']}",
        *(f"EnvironmentFile={path}" for path in [release / "release.env", *environment]),
        # In this order, as a unit's drop-in comes after the unit.
        *_lines(wanted["sandbox"]),
        *_lines(wanted["overrides"]),
    ]
    unit = ["systemd-run", "--quiet", "--wait", "--collect", "--pipe", "--service-type=exec"]
    return subprocess.run(
        [*unit, *(f"--property={line}" for line in properties), *command],
        env={"PATH": PATH},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _lines(dropin: str) -> list[str]:
    return [line for line in LINE.findall(dropin) if not line.startswith(LIFE)]
