"""Files as they were before a play changed them, for the case that the worker fails with them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NEW = ".new"


def keep(folder: Path, paths: list[str]) -> None:
    """Keep these files and their modes where only root can look, and nothing of earlier plays."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    there = [path for path in paths if Path(path).is_file()]
    for path in there:
        kept = folder / path.lstrip("/")
        kept.parent.mkdir(parents=True, exist_ok=True)
        _copy(path, kept)
    (folder / NEW).write_text("\n".join(path for path in paths if path not in there))


def restore(folder: Path) -> list[str]:
    """Put back what was kept, take away what was not there, and tell both.

    The caller's umask has to be one for secrets: a file has its mode a moment after its content.
    """
    new = [Path(path) for path in (folder / NEW).read_text().splitlines()]
    for path in new:
        path.unlink(missing_ok=True)
    kept = [path for path in folder.rglob("*") if path.is_file() and path != folder / NEW]
    for path in kept:
        place = Path("/", path.relative_to(folder))
        copy = place.with_name(f".{place.name}")
        _copy(path, copy)
        copy.replace(place)
    return sorted(map(str, [*new, *(Path("/", path.relative_to(folder)) for path in kept)]))


def _copy(path: str | Path, copy: Path) -> None:
    """Copy a file with its mode and its owner, who may have to read it."""
    shutil.copy2(path, copy)
    status = Path(path).stat()
    os.chown(copy, status.st_uid, status.st_gid)
