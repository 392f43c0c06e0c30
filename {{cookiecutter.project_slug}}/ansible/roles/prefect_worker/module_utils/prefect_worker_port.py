"""Who has the port at which a worker answers for its health."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from ansible.module_utils.prefect_worker_fitness import UnfitError

# As /proc/net/tcp has it.
LISTENING = "0A"


def listens(pid: int, port: int) -> bool:
    """Whether the process is the one that listens on the port, as a worker does on its own."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    listening = [row for row in rows if row[3] == LISTENING and row[1].endswith(f":{port:04X}")]
    return bool({f"socket:[{row[9]}]" for row in listening} & set(_open(pid)))


def _open(pid: int) -> Iterator[str]:
    """What a process has open; 0 is none."""
    for path in Path(f"/proc/{pid}/fd").glob("*"):
        # It goes on working while it is looked at.
        with contextlib.suppress(FileNotFoundError):
            yield str(path.readlink())


def require_free_port(port: int) -> None:
    """Refuse a machine where another process has the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UnfitError(
                f"Port {port} of 127.0.0.1 is taken on this machine ({error.strerror}): "
                "choose another prefect_worker_health_port."
            ) from error
