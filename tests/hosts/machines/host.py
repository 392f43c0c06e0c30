"""What containers and virtual machines have in common."""

from __future__ import annotations

import socket
import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from tests.hosts.machines.ssh import Keys


@dataclass(frozen=True)
class Place:
    """Where a machine lives: its files, its number in the run, the run's bridge."""

    folder: Path
    run_folder: Path
    name: str
    address: str
    gateway: str
    bridge: str
    keys: Keys


class Host(ABC):
    """A running machine with SSH."""

    patience: float

    def __init__(self, place: Place) -> None:
        """A machine at `place`, not started yet."""
        self.place = place
        self.name = place.name
        self.address = place.address
        self.log = place.folder / "console.log"

    @abstractmethod
    def start(self) -> None:
        """Switch the machine on, without waiting for it."""

    @abstractmethod
    def stop(self) -> None:
        """Shut the machine down in good order."""

    @abstractmethod
    def kill(self) -> None:
        """Cut the power."""

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether the machine is on."""

    @abstractmethod
    def journal(self, lines: int = 200) -> str:
        """The end of the machine's journal."""

    def wait(self) -> None:
        """Wait until the machine has booted and lets us in."""
        deadline = time.monotonic() + self.patience
        while not self._answers():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} does not answer:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.2)
        self.shell("systemctl is-system-running --wait || systemctl --failed")

    def ssh(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command line as the unprivileged user who may use sudo."""
        words = ["ssh", "-F", str(self.place.keys.config), self.address, command]
        return subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    def shell(self, command: str) -> str:
        """The output of a command line that has to succeed, run as root."""
        done = self.ssh(f"sudo sh -c {quoted(command)}")
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.address, 22), timeout=2) as connection:
                connection.settimeout(5)
                return bool(connection.recv(1)) and self.ssh("true").returncode == 0
        except OSError:
            return False


def quoted(words: str) -> str:
    """The words as one word of a shell's command line."""
    return "'" + words.replace("'", "'\\''") + "'"
