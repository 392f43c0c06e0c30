"""An API whose clock is an hour ahead, which is all that it can do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

AHEAD = 3600


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'"3.9.1"')

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(int((timestamp or time.time()) + AHEAD))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def ahead(address: str) -> Iterator[str]:
    """Its URL, for as long as it is there."""
    with ThreadingHTTPServer((address, 0), _Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{address}:{server.server_port}/api"
        server.shutdown()
