"""A real machine: its own kernel and disk, emulated by QEMU."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.hosts.machines.host import Host, Place
from tests.hosts.machines.rootfs import RootFs
from tests.hosts.machines.shell import run, start

DISK = "6G"
# One run takes 4 GiB.
MEMORY = "6G"
# The least that numpy asks for. A newer one copies and clears memory by instructions that are
# emulated a byte at a time, and has its C library take vectors that are emulated, too.
PROCESSOR = "Nehalem"
# The processor's counter is as quick as the computer's, which a busy emulator measures wrongly: a
# clock by it was minutes ahead. The HPET says itself how quick it is. Kernels that change their
# code as they distrust the counter have been seen to panic: this one does not, and boots again if
# it panics all the same. What guards against other programs on the processor is only slow here.
KERNEL = "root=/dev/vda rw console=ttyS0 tsc=reliable clocksource=hpet panic=5 mitigations=off"
# What Debian does now and then, and when it finds that the clock has jumped.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer")


class VirtualMachine(Host):
    """A machine under QEMU without hardware help, so it runs everywhere."""

    patience = 600.0

    def __init__(self, place: Place, layers: list[Path], host_number: int) -> None:
        """A machine whose disk is made of `layers`."""
        super().__init__(place)
        self._disk = place.folder / "disk.img"
        self._tap = f"{place.bridge}t{host_number}"
        self._mac = f"52:54:00:21:30:{host_number:02x}"
        self._process: subprocess.Popen[bytes] | None = None
        self._line: subprocess.Popen[bytes] | None = None
        place.keys.share(self.address, place.folder / "ssh")
        self._make_disk(layers)

    def start(self) -> None:
        """Switch on."""
        command: list[str | Path] = [
            *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", PROCESSOR),
            *("-smp", "2", "-m", MEMORY, "-nographic", "-monitor", "none"),
            *("-kernel", self.place.folder / "vmlinuz", "-initrd", self.place.folder / "initrd"),
            *("-append", " ".join([KERNEL, *(f"systemd.mask={unit}" for unit in MASKED)])),
            *("-drive", f"file={self._disk},if=virtio,format=raw,cache=unsafe"),
            *("-netdev", f"tap,id=net,ifname={self._tap},script=no,downscript=no"),
            *("-device", f"virtio-net-pci,netdev=net,mac={self._mac}"),
            *("-device", "virtio-rng-pci"),
        ]
        run(["ip", "tuntap", "add", self._tap, "mode", "tap"])
        run(["ip", "link", "set", self._tap, "master", self.place.bridge, "up"])
        self._process = start(command, self.place.run_folder, self.log)

    def wait(self) -> None:
        """Wait until the machine lets us in, and stay: each new connection takes seconds."""
        super().wait()
        self.hang_up()
        words: list[str | Path] = ["ssh", "-F", self.place.keys.config, "-N", self.address]
        log = self.place.folder / "ssh.log"
        self._line = start([*words, "-o", "ControlMaster=auto"], self.place.run_folder, log)

    def hang_up(self) -> None:
        """Leave the machine, which may never say that it is gone."""
        if self._line:
            self._line.terminate()
            self._line.wait(30)
            self._line = None

    def stop(self) -> None:
        """Shut down and wait until the power is off."""
        if self._process:
            self.ssh("sudo systemctl poweroff")
            self._process.wait(self.patience)
            self._off()

    def kill(self) -> None:
        """Pull the plug."""
        if self._process:
            self._process.kill()
            self._process.wait(30)
            self._off()

    @property
    def running(self) -> bool:
        """Whether the machine has been switched on and not off."""
        return self._process is not None

    def journal(self, lines: int = 200) -> str:
        """The journal if the machine answers, else its console."""
        answer = self.ssh(f"sudo journalctl --no-pager --lines={lines}").stdout
        return answer or self.log.read_text(errors="replace")[-10_000:]

    def _off(self) -> None:
        self.hang_up()
        self._process = None
        run(["ip", "link", "delete", self._tap])

    def _make_disk(self, layers: list[Path]) -> None:
        files = RootFs(self.place.folder, layers)
        files.furnish(self.name, self.address, self.place.gateway, self.place.keys)
        for kind, pattern in (("vmlinuz", "vmlinuz-*"), ("initrd", "initrd.img-*")):
            newest = max((files.root / "boot").glob(pattern))
            shutil.copyfile(newest, self.place.folder / kind)
        run(["mke2fs", "-q", "-t", "ext4", "-d", files.root, self._disk, DISK])
        run(["umount", files.root])
