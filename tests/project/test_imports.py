"""Importing a flow touches neither network nor server."""

from __future__ import annotations

import subprocess
from pathlib import Path

IMPORT_WITHOUT_NETWORK = """
import importlib
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise SystemExit(f"{module}: {event} {arguments[1:]}")

sys.addaudithook(refuse)
for module in sys.argv[1:]:
    importlib.import_module(module)
"""


def test_importing_the_flows_opens_no_connection(
    project: Path, environment: dict[str, str]
) -> None:
    flows = (project / "src/shop_reports/flows").glob("[!_]*.py")
    modules = [f"shop_reports.flows.{flow.stem}" for flow in flows]
    command = [".venv/bin/python", "-c", IMPORT_WITHOUT_NETWORK, *modules]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert modules
    assert done.returncode == 0, done.stderr
