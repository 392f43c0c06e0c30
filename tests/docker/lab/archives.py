"""Archives of images, as `docker save` makes them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path


def claim_another_id(archive: Path) -> None:
    """Add a manifest with an id that an engine does not find; engines read the first manifest."""
    with tarfile.open(archive) as packed:
        described = json.load(packed.extractfile("manifest.json") or io.BytesIO())
    described[0]["Config"] = f"{'f' * 64}.json"
    added = json.dumps(described).encode()
    member = tarfile.TarInfo("manifest.json")
    member.size = len(added)
    with tarfile.open(archive, "a") as packed:
        packed.addfile(member, io.BytesIO(added))
