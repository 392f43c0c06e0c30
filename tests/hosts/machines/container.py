"""A machine in a container: systemd as process 1, a network of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.hosts.machines import cgroups
from tests.hosts.machines.host import Host, Place
from tests.hosts.machines.rootfs import RootFs
from tests.hosts.machines.shell import RUN_VARIABLE, run, start


class Container(Host):
    """A machine under systemd-nspawn."""

    patience = 180.0

    def __init__(self, place: Place, suite: str, layers: list[Path], nested: bool = False) -> None:
        """A Debian of this suite made of `layers`, topmost first; `nested` may have containers."""
        super().__init__(place)
        self.suite = suite
        self._nested = nested
        self.files = RootFs(place.folder, layers)
        self.files.furnish(self.name, self.address, place.gateway, place.keys)
        if nested:
            self._make_room()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Boot."""
        command = [
            *_own_group(self._machine),
            "systemd-nspawn",
            f"--directory={self.files.root}",
            "--boot",
            *_outside_of_systemd(),
            "--console=pipe",
            f"--machine={self._machine}",
            f"--network-bridge={self.place.bridge}",
            "--resolv-conf=off",
            "--timezone=off",
            "--link-journal=no",
            # The container's process 1 survives its nspawn: the mark lets the reaper find it.
            f"--setenv={RUN_VARIABLE}={self.place.run_folder}",
            *(self._for_containers() if self._nested else []),
        ]
        environment = {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        if self._nested:
            environment["SYSTEMD_NSPAWN_API_VFS_WRITABLE"] = "network"
        self._process = start(command, self.place.run_folder, self.log, environment)

    def _make_room(self) -> None:
        """What an engine needs and an overlay does not give: a file system to lay one upon."""
        run(["cp", "--archive", self.files.root / "var/lib", self.place.folder / "lib"])
        run(["mknod", "--mode=666", self.place.folder / "tun", "c", "10", "200"])

    def _for_containers(self) -> list[str]:
        return [
            "--system-call-filter=@keyring bpf",
            f"--bind={self.place.folder / 'tun'}:/dev/net/tun",
            f"--bind={self.place.folder / 'lib'}:/var/lib",
        ]

    def stop(self) -> None:
        """Ask systemd to power off."""
        if self._process:
            self._process.terminate()
            self._process.wait(120)
            self._off()

    def kill(self) -> None:
        """Take all processes away at once."""
        if self._process:
            pid = self._process.pid
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
            self._process.wait(30)
            self._off()

    def discard(self) -> None:
        """Take all processes away at once, and the files with them."""
        self.kill()
        run(["umount", "--lazy", self.files.root])
        shutil.rmtree(self.place.folder)

    @property
    def running(self) -> bool:
        """Whether the machine has been started and not stopped."""
        return self._process is not None

    def _off(self) -> None:
        """Leave no empty groups, which no machine finds when it is switched on."""
        self._process = None
        if not _under_systemd():
            cgroups.remove(self._machine)

    @property
    def _machine(self) -> str:
        return f"{self.place.bridge}-{self.name}"

    def snapshot(self) -> list[Path]:
        """Stop; the layers that other machines can be made of as a copy of this one."""
        self.stop()
        run(["umount", self.files.root])
        return [self.files.written]

    def journal(self, lines: int = 200) -> str:
        """Read from outside, so that a dead machine tells too."""
        folder = self.files.root / "var/log/journal"
        command = ["journalctl", f"--directory={folder}", "--no-pager", f"--lines={lines}"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _own_group(machine: str) -> list[str]:
    if _under_systemd():
        return []
    procs = cgroups.make(machine) / "cgroup.procs"
    return ["sh", "-c", f'echo $$ > "{procs}" && exec "$@"', "sh"]


def _outside_of_systemd() -> list[str]:
    return [] if _under_systemd() else ["--register=no", "--keep-unit"]


def _under_systemd() -> bool:
    return Path("/run/systemd/system").is_dir()
