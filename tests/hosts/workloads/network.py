"""What flows ask of others, and serve."""

from __future__ import annotations

import smtplib
import ssl
import subprocess
import threading
from email.message import EmailMessage
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from tempfile import TemporaryDirectory

from shop_reports.workloads.shell import output

COMMIT = "git -c user.name=a -c user.email=a@example.com commit -q -m first"
CERTIFICATE = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 1"
PORT = 8443


def git_https_and_a_port_above_1023() -> str:
    """Serve a repository, and clone it over HTTPS."""
    with TemporaryDirectory() as folder:
        _make_repository(folder)
        handler = partial(SimpleHTTPRequestHandler, directory=folder)
        with ThreadingHTTPServer(("127.0.0.1", PORT), handler) as server:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{folder}/cert", f"{folder}/key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            clone = f"git clone -q https://localhost:{PORT}/repository/.git c && cat c/a"
            try:
                return output(clone, GIT_SSL_CAINFO=f"{folder}/cert")
            finally:
                server.shutdown()


def rsync_scp_and_sftp() -> str:
    """Copy a file over SSH, with the key and the known hosts that git has."""
    there = "admin@$(hostname -I | cut -d ' ' -f 1):/etc/hostname"
    options = "${GIT_SSH_COMMAND#ssh }"
    copies = f'rsync -e "$GIT_SSH_COMMAND" {there} a && scp -q {options} {there} b'
    return output(f"{copies} && sftp -q {options} {there} c && sort -u a b c | wc -l")


def smtp() -> str:
    """Send mail by the machine's server."""
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Report", "prefect@localhost", "admin@localhost"
    mail.set_content("of today")
    with smtplib.SMTP("127.0.0.1") as server:
        return str(server.send_message(mail))


def _make_repository(folder: str) -> None:
    make = f"git init -q repository && cd repository && echo x >a && git add a && {COMMIT}"
    serve = "git update-server-info"
    names = "-subj /CN=localhost -addext subjectAltName=DNS:localhost"
    script = f"{make} && {serve} && cd .. && {CERTIFICATE} {names}"
    subprocess.run(["sh", "-c", script], cwd=folder, check=True, capture_output=True)
