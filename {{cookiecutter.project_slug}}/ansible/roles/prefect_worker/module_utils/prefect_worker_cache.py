"""What uv fetched stays while a release has it; uv itself removes only what it cannot find."""

from __future__ import annotations

import shutil
from pathlib import Path


def prune(cache: Path) -> None:
    """Remove packages of which no file has another name in a release, and what points to them."""
    for package in cache.glob("archive-v*/*"):
        if not any(map(_is_shared, package.rglob("*"))):
            shutil.rmtree(package)
    for link in [path for path in cache.glob("wheels-v*/**/*") if _is_dangling(path)]:
        for beside in [path for path in link.parent.iterdir() if _is_about(path, link)]:
            beside.unlink()


def _is_shared(path: Path) -> bool:
    status = path.lstat()
    return path.is_file() and status.st_nlink > 1


def _is_dangling(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _is_about(path: Path, link: Path) -> bool:
    return path == link or (path.name.startswith(f"{link.name}.") and not path.is_dir())
