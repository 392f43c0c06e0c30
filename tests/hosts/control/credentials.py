"""What an owner puts into the home of a worker's runs, as the role's README has it."""

from __future__ import annotations

from tests.hosts.machines.host import Host, quoted
from tests.results.lab.seaweed import READER

HOME = "/var/lib/prefect/shop-reports"
FILES = {
    ".aws/credentials": f"""[reports]
aws_access_key_id = {READER["accessKey"]}
aws_secret_access_key = {READER["secretKey"]}
""",
    ".netrc": "machine localhost login flows password word\n",
    ".pgpass": "127.0.0.1:5432:shop:flows:word\n",
    ".odbc.ini": """[shop]
Driver = PostgreSQL Unicode
Servername = 127.0.0.1
Database = shop
Username = flows
Password = word
""",
}


def put(host: Host) -> None:
    """Put each file where tools look for it, for the workers' user alone."""
    for name, text in FILES.items():
        write(host, name, text)


def write(host: Host, name: str, text: str) -> None:
    """Write a file of this home as its user: a flow may have put a link in root's way."""
    script = quoted('umask 077; mkdir -p "$(dirname "$0")" && cat >"$0"')
    host.shell(f"printf %s {quoted(text)} | runuser -u prefect -- sh -c {script} {HOME}/{name}")
