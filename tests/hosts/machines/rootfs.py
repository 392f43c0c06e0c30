"""A machine's own root file system: an image below, what the machine writes above."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from tests.hosts.machines.shell import run
from tests.hosts.machines.ssh import Keys

RESOLVERS = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))


class RootFs:
    """An overlay of read-only layers."""

    def __init__(self, folder: Path, layers: list[Path]) -> None:
        """Mount `layers`, topmost first, below an empty folder."""
        self.root = folder / "root"
        self.layers = layers
        self.written = folder / "written"
        for path in (self.root, self.written, folder / "work"):
            path.mkdir(parents=True)
        lower = ":".join(str(layer) for layer in layers)
        options = f"lowerdir={lower},upperdir={self.written},workdir={folder / 'work'}"
        run(["mount", "-t", "overlay", "overlay", "-o", options, self.root])

    def furnish(self, name: str, address: str, gateway: str, keys: Keys) -> None:
        """Give the machine its name, address, resolver and keys."""
        self._write("etc/hostname", f"{name}\n")
        self._write("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
        self._write("etc/machine-id", f"{uuid.uuid4().hex}\n")
        self._write("etc/systemd/network/10-test.network", _network(address, gateway))
        (self.root / "etc/resolv.conf").unlink(missing_ok=True)
        self._write("etc/resolv.conf", next(p for p in RESOLVERS if p.exists()).read_text())
        self._write("home/admin/.ssh/authorized_keys", keys.public, owner=1000)
        if not (host_key := self.root / "etc/ssh/ssh_host_ed25519_key").exists():
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host_key])
        keys.trust(address, host_key.with_suffix(".pub").read_text())

    def _write(self, path: str, text: str, owner: int = 0) -> None:
        target = self.root / path
        target.write_text(text)
        os.chown(target, owner, owner)


def _network(address: str, gateway: str) -> str:
    return (
        "[Match]\nName=host0 en* eth*\n"
        f"[Network]\nAddress={address}/24\nGateway={gateway}\n"
        "LinkLocalAddressing=no\nIPv6AcceptRA=no\n"
    )
