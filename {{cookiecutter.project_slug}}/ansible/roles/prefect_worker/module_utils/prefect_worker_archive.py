"""What comes to a machine in one archive: a release, and the one program that installs it."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from pathlib import Path

from ansible.module_utils.prefect_worker_atomic import replace
from ansible.module_utils.prefect_worker_venv import cache_of, run

RESTORECON = "/usr/sbin/restorecon"
UV_WHEEL = ".uv.whl"


def unpack(archive: Path, folder: Path) -> None:
    """Fill the folder, which is new, with the archive."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tarfile.open(archive) as packed:
        packed.extractall(folder)


def bring_uv(uv: Path, wheel: Path) -> None:
    """Take the one program out of its wheel, and the older uv away."""
    if not wheel.exists():
        return
    with zipfile.ZipFile(wheel) as packed:
        name = next(n for n in packed.namelist() if n.endswith(".data/scripts/uv"))
        replace(uv, packed.read(name), 0o755)
    wheel.unlink()
    for other in uv.parent.parent.iterdir():
        if other not in (uv.parent, cache_of(uv)):
            shutil.rmtree(other)


def label(folder: Path) -> None:
    """Let SELinux know the files for what they are."""
    if Path(RESTORECON).exists():
        run([RESTORECON, "-RF", str(folder)], {}, "its files get no labels of SELinux")
