"""What this computer lacks for some tests: `python -m tests.needs tests/hosts/machines`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def missing(folder: Path) -> list[str]:
    """Root, and the packages of a folder's `packages.txt` whose program is not here."""
    lines = (folder / "packages.txt").read_text(encoding="utf-8").splitlines()
    packages = [line.split()[0] for line in lines if not shutil.which(line.split()[1])]
    return (["root"] if os.geteuid() != 0 else []) + packages


def main() -> int:
    """Name what is missing in one line."""
    if lacking := missing(Path(sys.argv[1])):
        print(", ".join(lacking))
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
