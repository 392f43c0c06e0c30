"""Importing a flow touches neither network nor server."""

import subprocess
import sys
from pathlib import Path

import pytest

FLOWS = Path(__file__).parents[1] / "src/{{ cookiecutter.__package_name }}/flows"
REFUSE_NETWORK = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise SystemExit(f"{event} {arguments[1:]}")

sys.addaudithook(refuse)
"""


@pytest.mark.parametrize("module", sorted(path.stem for path in FLOWS.glob("[a-z]*.py")))
def test_importing_a_flow_opens_no_connection(module: str) -> None:
    code = f"{REFUSE_NETWORK}\nimport {{ cookiecutter.__package_name }}.flows.{module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
