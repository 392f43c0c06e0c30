"""What projects build their image on here: Debian and its Python, like Python's own image.

There need not be a registry where tests run.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.docker.lab.engine import Engine
from tests.hosts.machines.shell import run
from tests.locks import locked

NAME = "base-of-the-tests"
RECIPE = [
    *("mmdebstrap", "--quiet", "--variant=minbase"),
    "--include=ca-certificates,python3,python3-pip,python3-venv",
    '--customize-hook=ln -s python3 "$1/usr/bin/python"',
    '--customize-hook=rm "$1"/usr/lib/python3*/EXTERNALLY-MANAGED',
    "trixie",
]


def bring(engine: Engine, cache: Path) -> None:
    """Import the image, which is made once."""
    digest = hashlib.sha256(json.dumps(RECIPE).encode()).hexdigest()[:12]
    archive = cache / f"base-{digest}.tar"
    with locked(cache / "base.lock"):
        if not archive.exists():
            unfinished = archive.with_suffix(".unfinished.tar")
            run([*RECIPE, unfinished])
            unfinished.rename(archive)
    engine.docker("import", str(archive), NAME)
