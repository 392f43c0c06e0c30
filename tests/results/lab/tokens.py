"""Google's token endpoint: gives a token to whoever signs with the right key, and to nobody else.

Run by a project's Python: `python tokens.py PORT PUBLIC_KEY`.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from google.auth import jwt

PORT, PUBLIC_KEY = int(sys.argv[1]), Path(sys.argv[2])


class Tokens(BaseHTTPRequestHandler):
    """One request, one answer."""

    def do_POST(self) -> None:
        """Check the signature of an assertion."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        audience = "https://oauth2.googleapis.com/token"
        try:
            jwt.decode(parse_qs(body)["assertion"][0], PUBLIC_KEY.read_bytes(), audience=audience)
        except (KeyError, ValueError):
            self._answer(400, {"error": "invalid_grant", "error_description": "Invalid signature."})
        else:
            self._answer(200, {"access_token": "given", "expires_in": 3600, "token_type": "Bearer"})

    def _answer(self, status: int, content: dict[str, object]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())


ThreadingHTTPServer(("127.0.0.1", PORT), Tokens).serve_forever()
