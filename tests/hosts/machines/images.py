"""Root file systems of bare Debian machines, built once per recipe."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from tests.hosts.machines.shell import run
from tests.locks import locked

BARE = [
    "ca-certificates",
    "dbus",
    "iproute2",
    "libpam-systemd",
    "openssh-server",
    "python3",
    "sudo",
    "systemd",
    "systemd-sysv",
]
KINDS = {
    "container": [],
    "vm": [
        "bzip2",
        "git",
        "initramfs-tools",
        "linux-image-cloud-amd64",
        "rsync",
        "udev",
        "xz-utils",
        "zstd",
    ],
    # What the flows of data teams call.
    "equipped": [
        "bzip2",
        "chromium-headless-shell",
        "default-jre-headless",
        "ffmpeg",
        "fonts-dejavu-core",
        "git",
        "nodejs",
        "postfix",
        "postgresql",
        "rsync",
        "xz-utils",
        "zstd",
    ],
}
CUSTOMIZE = [
    'chroot "$1" useradd --create-home --shell /bin/bash admin',
    'echo "admin ALL=(ALL) NOPASSWD: ALL" > "$1/etc/sudoers.d/admin"',
    'chmod 0440 "$1/etc/sudoers.d/admin"',
    'install -d -m 0700 -o 1000 -g 1000 "$1/home/admin/.ssh"',
    'rm -f "$1"/etc/ssh/ssh_host_*',
    'mkdir -p "$1/var/log/journal"',
    'systemctl --root "$1" enable systemd-networkd',
]


def image(suite: str, cache: Path, kind: str = "container") -> Path:
    """Return the root file system of a bare or equipped machine, from the cache or new."""
    recipe = _recipe(suite, BARE + KINDS[kind])
    key = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:12]
    root = cache / f"{suite}-{kind}-{key}"
    with locked(cache / f"{suite}-{kind}.lock"):
        if not root.exists():
            _build(recipe, root)
    return root


def _recipe(suite: str, packages: list[str]) -> list[str]:
    hooks = [f"--customize-hook={line}" for line in CUSTOMIZE]
    chosen = ["--quiet", "--variant=minbase", f"--include={','.join(packages)}"]
    return ["mmdebstrap", *chosen, *hooks, suite]


def _build(recipe: list[str], root: Path) -> None:
    unfinished = root.with_name(f"{root.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    run([*recipe, unfinished])
    unfinished.chmod(0o755)
    unfinished.rename(root)
