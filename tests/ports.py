"""Ports for servers that tests start."""

from __future__ import annotations

import contextlib
import random
import socket

# What these tests have got, and not yet listened on maybe.
_given: set[int] = set()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, and that no outgoing connection gets.

    No port is returned twice: a server with ten ports would get two equal ones in 400 starts.
    """
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port
