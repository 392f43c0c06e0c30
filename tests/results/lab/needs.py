"""What the tests need besides Python: `python -m tests.results.lab.needs` installs what it may.

Azurite comes with npm into build/, without root. Chromium comes from Debian, as root only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.locks import locked

BUILD = Path(__file__).parents[3] / "build/results"
AZURITE = BUILD / "node/node_modules/.bin/azurite-blob"
AZURITE_VERSION = "3.35.0"


def chromium() -> str | None:
    """Return the browser, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def azurite() -> Path | None:
    """Return the emulator of Azure's storage, if it is installed."""
    return AZURITE if AZURITE.exists() else None


def gaps() -> list[str]:
    """Return a line for everything that cannot be run here."""
    found = []
    if not chromium():
        found.append("the Retry button in a browser: chromium is not installed")
    if not azurite():
        found.append("results in Azure's storage: azurite needs node and npm")
    return found


def install() -> None:
    """Install what is missing, where that is possible."""
    if not azurite() and shutil.which("npm"):
        where = ["--prefix", str(BUILD / "node"), "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(["npm", "install", *where, f"azurite@{AZURITE_VERSION}"], check=False)
    if not chromium() and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        # The one that tests/where-possible takes, too.
        with locked(BUILD.parent / "apt.lock"):
            for command in (
                ["update"],
                ["install", "--yes", "--no-install-recommends", "chromium"],
            ):
                subprocess.run(["apt-get", "-qq", *command], env=environment, check=False)


if __name__ == "__main__":
    install()
