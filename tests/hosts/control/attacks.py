"""Code that says as whom it runs, brought to a machine for others to load."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

from tests.hosts.machines.host import Host, quoted

SOURCE = Path(__file__).resolve().parent.parent / "attacks/witness.c"
THERE = "/srv/attacks"
LIBRARY = f"{THERE}/witness.so"
SEEN = "/dev/shm /var/lib/prefect/shop-reports"
SHELL = "echo shell >/dev/shm/seen-$(id -u)-shell"
PYTHON = "import os; open(f'/dev/shm/seen-{os.geteuid()}-python', 'w').close()"
# Whatever has a program load or run something else by a variable.
ENVIRONMENT = {
    "LD_PRELOAD": LIBRARY,
    "LD_AUDIT": LIBRARY,
    "LD_LIBRARY_PATH": THERE,
    "GCONV_PATH": THERE,
    "BASH_ENV": f"{THERE}/shell",
    "ENV": f"{THERE}/shell",
    "PYTHONPATH": THERE,
    "PATH": f"{THERE}:/usr/bin:/bin",
}


class Witness:
    """A machine where code of an attacker lies ready, and what is seen of it."""

    def __init__(self, host: Host, folder: Path) -> None:
        """Compile the library in `folder`, and bring it and two scripts to the machine."""
        self._host = host
        library = folder / "witness.so"
        command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)]
        subprocess.run(command, check=True)
        coded = base64.b64encode(library.read_bytes()).decode()
        host.shell(
            f"mkdir -p {THERE} && echo {coded} | base64 -d >{LIBRARY}"
            f" && echo {quoted(SHELL)} >{THERE}/shell"
            f" && echo {quoted(PYTHON)} >{THERE}/sitecustomize.py"
            f" && ln -sf /usr/bin/false {THERE}/systemctl"
        )

    def forget(self) -> None:
        """Remove what was seen."""
        self._host.shell(f"for folder in {SEEN}; do rm -f $folder/seen-*; done")

    def seen(self, user: str) -> str:
        """Return the command lines of this user's processes that loaded the code."""
        return self._host.shell(
            f"user=$(id -u {user}); for folder in {SEEN}; do"
            " grep -as '' $folder/seen-$user-* | tr '\\0' ' '; done"
        )
