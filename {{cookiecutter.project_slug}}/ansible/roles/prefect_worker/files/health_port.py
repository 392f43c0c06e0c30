"""Run a worker whose health endpoint has few connections, of which the newest stay.

Every user of a machine may connect to it. Prefect's takes as many as come, and with them the open
files that a worker needs to start flow runs: these would be CRASHED before they began.
"""

from __future__ import annotations

import asyncio
import collections
import functools
import runpy
import sys

# Connections, and what the kernel holds before they are accepted, all of it at once.
MOST = 32


def install() -> None:
    """Bound the servers of this process."""
    try:
        import uvicorn
        from uvicorn.protocols.http.h11_impl import H11Protocol
    except ImportError as error:
        print(f"The health port takes any number of connections: {error}.", file=sys.stderr)
        return
    transports: collections.deque[asyncio.Transport] = collections.deque()

    class Newest(H11Protocol):
        """Whoever asks is answered at once; what only waits makes room."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            if len(transports) >= MOST:
                transports.popleft().abort()
            transports.append(transport)
            super().connection_made(transport)

    bounded = functools.partialmethod(uvicorn.Config.__init__, http=Newest, backlog=MOST)
    setattr(uvicorn.Config, "__init__", bounded)  # noqa: B010


if __name__ == "__main__":
    # The folder of this file, and its name: what follows is the program and its arguments.
    del sys.path[0], sys.argv[0]
    install()
    if sys.argv[0] == "prefect":
        runpy.run_module("prefect", run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")
