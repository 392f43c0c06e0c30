"""What this computer lacks to run machines: `python -m tests.hosts.machines.needs`."""

from __future__ import annotations

import os
import shutil
import sys

PROGRAMS = {
    "curl": "curl",
    "mke2fs": "e2fsprogs",
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ssh": "openssh-client",
    "qemu-system-x86_64": "qemu-system-x86",
    "systemd-nspawn": "systemd-container",
}


def missing() -> list[str]:
    """Root and the packages that are not here."""
    packages = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    return (["root"] if os.geteuid() != 0 else []) + packages


def main() -> int:
    """Name what is missing in one line."""
    if lacking := missing():
        print(", ".join(lacking))
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
