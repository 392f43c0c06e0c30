"""The machines of the tests go with the tests, however those end."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts.control.server import eventually
from tests.hosts.machines.shell import run

TOP = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_machine_outlives_its_owner(how: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.hosts.machines", "trixie"]
    with subprocess.Popen(command, cwd=TOP, stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout
            folder = str(Path(owner.stdout.readline().split()[3]).parent)
            bridge = f"pvm{Path(folder).name}"
            assert traces(folder, bridge) == {"process", "mount", "bridge", "files"}
            owner.send_signal(how)
            owner.communicate(timeout=60)
        finally:
            owner.kill()
    eventually(lambda: not traces(folder, bridge), 30, "something of the machines is left")


def traces(folder: str, bridge: str) -> set[str]:
    """What is left of a run."""
    processes = run(["ps", "axww", "-o", "args"])
    found = {
        "process": f"nspawn --directory={folder}" in processes,
        "mount": folder in Path("/proc/mounts").read_text(),
        "bridge": Path(f"/sys/class/net/{bridge}").exists(),
        "files": Path(folder).exists(),
    }
    return {name for name, there in found.items() if there}
