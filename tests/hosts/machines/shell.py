"""Commands of the control side."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

RUN_VARIABLE = "MACHINES_RUN"


def run(
    command: Sequence[str | Path],
    stdin: str | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """The output of a command that has to succeed."""
    done = subprocess.run(
        command,
        input=stdin,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        words = " ".join(str(word) for word in command)
        raise RuntimeError(f"{words} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def start(
    command: Sequence[str | Path],
    folder: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    keep_open: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a process of the run kept in `folder`, out of reach of Ctrl-C."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {}), RUN_VARIABLE: str(folder)},
            start_new_session=True,
            pass_fds=keep_open,
        )
