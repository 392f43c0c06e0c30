"""Replace files of root's in one step, so that a play or a machine may end at any moment."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


class UnwrittenError(Exception):
    """Which file is as it was, and why."""


def replace(path: Path, content: bytes, mode: int, group: int = 0) -> None:
    """Write a file, on the disk before it has its name; it is never readable too widely."""
    with _temporary(path) as temporary:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
            os.fchown(handle, 0, group)
            os.fchmod(handle, mode)


def duplicate(source: Path, path: Path) -> None:
    """Give a file a second name; it needs no room where both are on one file system."""
    with _temporary(path) as temporary:
        try:
            os.link(source, temporary)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy(source, temporary)


def link(path: Path, target: str) -> None:
    """Point a symbolic link elsewhere; an empty target removes it."""
    if target:
        with _temporary(path) as temporary:
            temporary.symlink_to(target)
    else:
        path.unlink(missing_ok=True)


def flush(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary_of(path: Path) -> Path:
    """Return the one name that a file has before it is complete."""
    return path.with_name(f".{path.name}.new")


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Give what is made under the temporary name the name of the file, or leave nothing."""
    temporary = temporary_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A play that was killed may have left one.
        temporary.unlink(missing_ok=True)
        yield temporary
        temporary.replace(path)
        flush(path.parent)
    except OSError as error:
        raise UnwrittenError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _copy(source: Path, copy: Path) -> None:
    """Copy a file with its mode, its times and its owner, who may have to read it."""
    status = source.stat()
    handle = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(source.read_bytes())
        file.flush()
        os.fsync(handle)
        os.fchown(handle, status.st_uid, status.st_gid)
    shutil.copystat(source, copy)
