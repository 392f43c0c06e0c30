"""A webhook of the tests: it keeps what it is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Sink:
    """What came to each path, in order."""

    def __init__(self, url: str) -> None:
        """A sink at a URL."""
        self.url = url
        self.came: list[tuple[str, Any]] = []

    def to(self, path: str, words: str) -> list[Any]:
        """Return the bodies that came to a path and have these words in them."""
        return [body for there, body in self.came if there == path and words in json.dumps(body)]


@contextmanager
def sink() -> Iterator[Sink]:
    """Listen on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            found.came.append((self.path, json.loads(self.rfile.read(length))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Sink(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()
