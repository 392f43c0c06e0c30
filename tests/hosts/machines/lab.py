"""One run's machines, their network and their end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO

from tests.hosts.machines import network, slots
from tests.hosts.machines.container import Container
from tests.hosts.machines.host import Host, Place
from tests.hosts.machines.images import image
from tests.hosts.machines.shell import run, start
from tests.hosts.machines.ssh import Keys
from tests.hosts.machines.vm import VirtualMachine

HERE = Path(__file__).resolve()
BUILD = HERE.parents[3] / "build" / "hosts"


class Lab:
    """Makes machines; all of them go when the lab goes, even if it is killed."""

    def __init__(self, build: Path = BUILD, in_memory: bool = False) -> None:
        """A lab keeping its images in `build`, and its run's files there or `in_memory`."""
        self._images = build / "images"
        slots.sweep_dead_runs()
        self.number, self.folder, self._lock = slots.claim(build / "runs")
        if in_memory:
            run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", self.folder])
        self._reaper = self._start_reaper()
        network.create(self.number)
        self.keys = Keys(self.folder)
        self.hosts: list[Host] = []

    @property
    def gateway(self) -> str:
        """The control side's address as the machines see it."""
        return network.address(self.number, 1)

    def bare(self, suite: str) -> Path:
        """The files of a bare machine in a container, which the first call unpacks."""
        return image(suite, self._images)

    def container(
        self, suite: str, name: str, layers: list[Path] | None = None, nested: bool = False
    ) -> Container:
        """A machine in a container, not started; `layers` lie on top of the image."""
        made = Container(self._place(name), suite, [*(layers or []), self.bare(suite)], nested)
        self.hosts.append(made)
        return made

    def equipped(self, suite: str, name: str) -> Container:
        """A machine in a container, not started, with the programs of data teams."""
        layers = [image(suite, self._images, "equipped")]
        made = Container(self._place(name), suite, layers)
        self.hosts.append(made)
        return made

    def before_vm(self, suite: str, name: str) -> Container:
        """What is to be a virtual machine as a container, not started."""
        made = Container(self._place(name), suite, [image(suite, self._images, "vm")])
        self.hosts.append(made)
        return made

    def vm(self, suite: str, name: str, layers: list[Path] | None = None) -> VirtualMachine:
        """A virtual machine, not started; `layers` lie on top of the image."""
        place = self._place(name)
        below = image(suite, self._images, "vm")
        made = VirtualMachine(place, [*(layers or []), below], self._next)
        self.hosts.append(made)
        return made

    def cut_off(self, host: Host) -> None:
        """Leave a machine nothing but its neighbours and the control side."""
        network.cut_off(self.number, host.address)

    def close(self) -> None:
        """End everything and wait until it is gone."""
        stdin: IO[bytes] | None = self._reaper.stdin
        if stdin and not stdin.closed:
            stdin.close()
            self._reaper.wait(300)
            self._lock.truncate(0)
            self._lock.close()

    @property
    def _next(self) -> int:
        return len(self.hosts) + 10

    def _place(self, name: str) -> Place:
        return Place(
            folder=self.folder / name,
            run_folder=self.folder,
            name=name,
            address=network.address(self.number, self._next),
            gateway=self.gateway,
            bridge=network.bridge(self.number),
            keys=self.keys,
        )

    def _start_reaper(self) -> subprocess.Popen[bytes]:
        module = f"{__package__}.reaper"
        command = [sys.executable, "-m", module, str(self.number), str(self.folder)]
        path = {"PYTHONPATH": str(HERE.parents[3])}
        log = self.folder / "reaper.log"
        # The reaper holds the number too: nobody may take it before all is gone.
        held = [self._lock.fileno()]
        return start(command, self.folder, log, path, subprocess.PIPE, held)
