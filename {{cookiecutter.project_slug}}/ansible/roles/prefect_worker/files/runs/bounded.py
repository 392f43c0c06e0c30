"""Read what others wrote, and never more of it than this machine has room for."""

from __future__ import annotations

import http.client
import os
import stat
from pathlib import Path

# Bytes of an answer and of a file.
ANSWER = 16 << 20
FILE = 64 << 10


def answer(response: http.client.HTTPResponse) -> bytes:
    """Return the whole body, or raise ValueError."""
    body = response.read(ANSWER + 1)
    if len(body) > ANSWER or response.length:
        raise ValueError(f"the answer is cut off, or larger than {ANSWER} bytes")
    return body


def file(path: Path) -> bytes:
    """Return what is in a regular file, or raise OSError or ValueError; never wait for it."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(number, "rb") as opened:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise ValueError("it is no regular file")
        content = opened.read(FILE + 1)
    if len(content) > FILE:
        raise ValueError(f"it is larger than {FILE} bytes")
    return content
