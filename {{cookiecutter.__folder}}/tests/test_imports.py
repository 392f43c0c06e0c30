"""Importing a flow touches neither network nor server."""

import subprocess
import sys
from pathlib import Path

FLOWS = Path(__file__).parents[1] / "src/{{ cookiecutter.__package_name }}/flows"
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


def test_importing_the_flows_opens_no_connection() -> None:
    names = sorted(path.stem for path in FLOWS.glob("[a-z]*.py"))
    modules = [f"{{ cookiecutter.__package_name }}.flows.{name}" for name in names]
    command = [sys.executable, "-c", IMPORT_WITHOUT_NETWORK, *modules]
    done = subprocess.run(command, capture_output=True, text=True)
    assert modules
    assert done.returncode == 0, done.stderr
