"""Start a Prefect server on this machine, where PREFECT_API_URL points."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

from prefect.settings import get_current_settings

from .errors import without_password

LOOPBACK = ("127.0.0.1", "localhost")


def main() -> str:
    """Become the server, or return why that cannot be."""
    url = get_current_settings().api.url or ""
    address = urlsplit(url)
    if address.hostname not in LOOPBACK or address.path.rstrip("/") != "/api":
        shown = without_password(url)
        return f"PREFECT_API_URL is {shown!r}: a server here can only be http://127.0.0.1:PORT/api."
    host, port = address.hostname, str(address.port or 4200)
    server = [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", port]
    return os.execv(sys.executable, server)


if __name__ == "__main__":
    sys.exit(main())
