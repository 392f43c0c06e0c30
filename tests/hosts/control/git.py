"""A git server on the control side: https with an authority of its own, and a token."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from tests.hosts.machines.shell import run

TOKEN = "a-token-that-git-asks-for"
BRANCH = "reports/daily"
FLOW = '''"""A plain flow, in a repository of its own."""

from pathlib import Path

from prefect import flow

from beside import WORD
from library.deep import NUMBER


@flow
def cloned() -> None:
    """Use what came with the clone, and write beside it; the login did not stay in it."""
    config = Path(".git/config").read_text()
    assert "@" not in config or "ssh://" in config
    Path("written").write_text(WORD)
    print(f"{WORD} {NUMBER}")
'''


def make_repository(folder: Path) -> Path:
    """Make a bare repository with a flow on a branch, and another that is its submodule."""
    library = _bare(folder, "library", {"deep.py": "NUMBER = 7\n", "__init__.py": ""}, "main")
    files = {"flow.py": FLOW, "beside.py": 'WORD = "beside"\n'}
    return _bare(folder, "flows", files, BRANCH, submodule=library)


def _bare(
    folder: Path, name: str, files: dict[str, str], branch: str, submodule: Path | None = None
) -> Path:
    work, bare = folder / name, folder / f"{name}.git"
    run(["git", "init", "--quiet", f"--initial-branch={branch}", work])
    for path, text in files.items():
        (work / path).write_text(text)
    git: list[str | Path] = [
        "git",
        "-C",
        work,
        "-c",
        "user.name=lab",
        "-c",
        "user.email=lab@example.com",
    ]
    if submodule:
        allow = ["-c", "protocol.file.allow=always"]
        run([*git, *allow, "submodule", "--quiet", "add", submodule, submodule.stem])
        # As on a server, where both are beside each other.
        run([*git, "submodule", "set-url", submodule.stem, f"../{submodule.name}"])
    run([*git, "add", "."])
    run([*git, "commit", "--quiet", "--message=Begin"])
    run(["git", "clone", "--quiet", "--bare", work, bare])
    return bare


@contextmanager
def served(folder: Path, address: str) -> Iterator[tuple[str, Path]]:
    """Serve the folder's repositories; their URL, and the authority to trust."""
    certificate, key = _certificate(folder, address)
    handler = type("Handler", (_Handler,), {"folder": folder})
    with ThreadingHTTPServer((address, 0), handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://{address}:{server.server_port}", certificate
        server.shutdown()


def _certificate(folder: Path, address: str) -> tuple[Path, Path]:
    certificate, key = folder / "git.pem", folder / "git.key"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "2"]
    names = ["-subj", "/CN=git", "-addext", f"subjectAltName=IP:{address}"]
    run([*request, *names, "-keyout", key, "-out", certificate])
    return certificate, key


class _Handler(BaseHTTPRequestHandler):
    """Git's own program for the web, for whoever has the token."""

    folder: Path
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        sent = self.headers.get("Authorization", "").removeprefix("Basic ")
        if TOKEN not in base64.b64decode(sent).decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        url = urlsplit(self.path)
        environment = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": url.path,
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        command = ["git", "http-backend"]
        done = subprocess.run(command, input=body, env=environment, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
