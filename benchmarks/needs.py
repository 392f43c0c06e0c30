"""What this computer lacks for some rows."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.needs import missing

WHERE_POSSIBLE = Path(__file__).parents[1] / "tests/where-possible"


def lacking(folder: Path) -> str:
    """Install what the folder's `packages.txt` names, if root; the reason if that is not enough."""
    subprocess.run([WHERE_POSSIBLE, folder, "true"], check=False)
    found = missing(folder)
    return f"needs {', '.join(found)}" if found else ""
