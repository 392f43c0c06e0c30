"""Running a program as a worker would."""

from __future__ import annotations

import subprocess
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run_as_worker(
    command: list[str], user: str, release: Path, environment: list[Path], most: int
) -> subprocess.CompletedProcess[str]:
    """Run it as the workers' user, in the release, with files of settings, for `most` seconds."""
    properties = [
        f"User={user}",
        f"WorkingDirectory={release}",
        f"RuntimeMaxSec={most}",
        *(f"EnvironmentFile={path}" for path in [release / "release.env", *environment]),
        f"StateDirectory=prefect/{release.parent.parent.name}",
        "StateDirectoryMode=0700",
        "UMask=0077",
        "ProtectSystem=strict",
        "PrivateTmp=yes",
        "NoNewPrivileges=yes",
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
