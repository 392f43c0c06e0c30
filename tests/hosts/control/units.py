"""What the files of systemd's units say, read as systemd reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

from tests.hosts.machines.host import Host

# What a unit takes from elsewhere, so from somebody who may write there.
TAKEN = ("EnvironmentFile", "PassEnvironment", "LoadCredential", "SetCredential", "RootDirectory")
LINE = re.compile(r"^(\w+)=(.*)$", re.M)


@dataclass(frozen=True)
class Unit:
    """One service, with its drop-ins."""

    name: str
    lines: list[tuple[str, str]]

    @property
    def is_roots(self) -> bool:
        """Return whether its processes are root's."""
        return not [value for name, value in self.lines if name == "User"]

    @property
    def raised(self) -> list[str]:
        """Return the commands that drop the unit's user or sandbox."""
        commands = [value for name, value in self.lines if name.startswith("Exec")]
        return [command for command in commands if re.match(r"[-@:]*[+!]", command)]

    @property
    def taken(self) -> list[str]:
        """Return what it takes from elsewhere."""
        return [f"{name}={value}" for name, value in self.lines if name.startswith(TAKEN)]

    @property
    def paths(self) -> set[str]:
        """Return the absolute paths in its commands, and all folders above them."""
        commands = [value for name, value in self.lines if name.startswith("Exec")]
        named = {word for line in commands for word in re.findall(r"(?<!\S)/[^\s;]+", line)}
        return named | {str(above) for path in named for above in PurePath(path).parents}


def services(host: Host) -> list[Unit]:
    """Return all services that the role has written on a machine."""
    folder = "/etc/systemd/system"
    names = host.shell(f"cd {folder} && ls -d prefect-*.service").split()
    texts = [
        host.shell(f"cd {folder} && find {n} {n}.d -type f -exec cat {{}} + || true") for n in names
    ]
    return [Unit(name, LINE.findall(text)) for name, text in zip(names, texts, strict=True)]
