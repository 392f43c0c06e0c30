"""Other Pythons than the one that runs the tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

NEWEST = "python3.13"


def newest_python() -> str | None:
    """Return the newest Python that projects support, if it is here."""
    pyenv = sorted(Path.home().glob(f".pyenv/versions/*/bin/{NEWEST}"))
    found = (str(path) for path in (shutil.which(NEWEST), *pyenv) if path)
    return next(filter(_starts, found), None)


def _starts(python: str) -> bool:
    """Tell whether a Python is one; pyenv's on the path may stand for a version not chosen."""
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    print(newest_python() or sys.exit(f"There is no {NEWEST}."))
