"""The SSH client's side of a run: one key, one configuration."""

from __future__ import annotations

from pathlib import Path

from tests.hosts.machines.shell import run


class Keys:
    """A key made for one run, and the hosts it opens."""

    def __init__(self, folder: Path) -> None:
        """Make the key and an `ssh_config` in `folder`."""
        self.config = folder / "ssh_config"
        self._key = folder / "key"
        self._known = folder / "known_hosts"
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self._key])
        self._known.touch()
        self.config.write_text(
            "Host *\n"
            "  User admin\n"
            f"  IdentityFile {self._key}\n"
            "  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self._known}\n"
            "  StrictHostKeyChecking yes\n"
            "  ConnectTimeout 60\n"
            "  ServerAliveInterval 15\n"
            "  ServerAliveCountMax 8\n"
        )

    @property
    def public(self) -> str:
        """The public key."""
        return self._key.with_suffix(".pub").read_text()

    def share(self, address: str, socket: Path) -> None:
        """Use a connection that is open already, if there is one at `socket`."""
        with self.config.open("a") as config:
            config.write(f"Host {address}\n  ControlPath {socket}\n")

    def trust(self, address: str, public_key: str) -> None:
        """Expect this key of the host."""
        with self._known.open("a") as known:
            known.write(f"{address} {public_key.strip()}\n")
