"""What root works with has to be root's: nobody else may put something in its place."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def changeable(path: Path) -> str:
    """Return what another user than root may change of a path and all that it is in, if anything.

    What is not there yet is made by root.
    """
    whole = path.resolve()
    for each in (path, *path.parents, whole, *whole.parents):
        if os.path.lexists(each) and not _is_of_root(each.lstat()):
            return str(each)
    return ""


def _is_of_root(status: os.stat_result) -> bool:
    if status.st_uid != 0:
        return False
    if stat.S_ISLNK(status.st_mode):
        return True
    by_group = status.st_mode & stat.S_IWGRP and status.st_gid != 0
    return not (by_group or status.st_mode & stat.S_IWOTH)
