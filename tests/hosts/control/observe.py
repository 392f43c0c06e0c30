"""What can be seen of a machine from outside the role."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tests.hosts.machines.container import Container
from tests.hosts.machines.host import Host

UNIT = "prefect-worker-shop-reports.service"
# What logging in, Ansible's own modules and systemd write on any machine that is only looked at;
# and the record of a flow run, which goes when the run has ended.
NOISE = (
    "home/admin/.ansible",
    "root/.ansible",
    "run",
    "tmp",
    "var/lib/prefect/shop-reports/runs",
    "var/lib/sudo",
    "var/lib/systemd",
    "var/log",
    "var/tmp",
)


def written(host: Container) -> set[tuple[str, int, int]]:
    """All that has been written on a machine since it was made: path, mode, size."""
    top = host.files.written
    paths = [path for path in top.rglob("*") if not _is_noise(path.relative_to(top))]
    return {
        (str(path.relative_to(top)), status.st_mode, status.st_size)
        for path, status in ((path, path.lstat()) for path in paths)
        if not stat.S_ISDIR(status.st_mode)
    }


def _is_noise(path: Path) -> bool:
    return str(path).startswith(NOISE)


def shown(host: Host, unit: str = UNIT, *names: str) -> dict[str, str]:
    """What `systemctl show` says of a unit."""
    wish = "".join(f" -p {name}" for name in names)
    lines = host.shell(f"systemctl show {unit}{wish}").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def main_pid(host: Host, unit: str = UNIT) -> int:
    """The unit's main process."""
    return int(shown(host, unit, "MainPID")["MainPID"])


def release(host: Host, worker: str = "shop-reports") -> str:
    """The release that a worker has."""
    link = f"/opt/prefect/shop-reports/workers/{worker}/current"
    return Path(host.shell(f"readlink -f {link}").strip()).name


def releases(host: Host, project: str = "shop-reports") -> set[str]:
    """All releases on the machine."""
    return set(host.shell(f"ls /opt/prefect/{project}/releases").split())


def journal(host: Host, unit: str = UNIT) -> str:
    """What a unit has logged."""
    return host.shell(f"journalctl --no-pager --output=cat --unit={unit}")


def everything(host: Container) -> set[str]:
    """All paths of a machine, whichever layer they come from."""
    top = host.files.root
    noise = (*NOISE, "dev", "proc", "sys")
    found: set[str] = set()
    for folder, folders, files in os.walk(top):
        here = os.path.relpath(folder, top)
        paths = {name: os.path.normpath(f"{here}/{name}") for name in (*folders, *files)}
        folders[:] = [name for name in folders if not paths[name].startswith(noise)]
        found.update(path for path in paths.values() if not path.startswith(noise))
    return found
