"""What a run may do by default, or only with an override, or not at all."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from shop_reports.workloads.shell import output

CHROMIUM = "/usr/bin/chromium-headless-shell"
# mov eax, 20; int 0x80; ret
GET_PID = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex("b814000000cd80c3"))
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
"""


def locale() -> str:
    """Print in UTF-8, as the worker's environment has it."""
    return output("locale charmap")


def time_zone() -> str:
    """Tell the time of another place, and of the one in the worker's environment."""
    moment = datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    return f"{moment.utcoffset()}, {time.strftime('%z')}, {output('date -d @0 +%H')}"


def limits() -> str:
    """Open as many files as the hard limit allows."""
    return output("ulimit -n $(ulimit -Hn) && [ $(ulimit -n) = $(ulimit -Hn) ] && echo raised")


def lock() -> str:
    """Lock a file that other runs see."""
    return output("flock ~/lock sh -c 'flock --nonblock ~/lock true || echo locked'")


def call_of_32_bits() -> str:
    """Call the kernel as a 32-bit program does."""
    return output(f"{sys.executable} -c '{GET_PID}'")


def io_uring() -> str:
    """Have the kernel make system calls that no filter sees; 425 is `io_uring_setup`."""
    kernel = ctypes.CDLL(None, use_errno=True)
    if kernel.syscall(425, 1, None) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "made"


def home() -> str:
    """Read a file of a user's home."""
    return Path("/home/reports/report").read_text().strip()


def data() -> str:
    """Write into a folder of the machine."""
    return str(Path("/data/report").write_text("x"))


def mnt() -> str:
    """Write to a mounted disk."""
    return str(Path("/mnt/share/report").write_text("x"))


def keytab() -> str:
    """Read a file that only root can."""
    return Path(os.environ.get("CREDENTIALS_DIRECTORY", "/etc"), "krb5.keytab").read_text().strip()


def device() -> str:
    """Find a device."""
    return str(Path("/dev/gpu0").exists())


def namespaces() -> str:
    """Make a user namespace, as what runs containers does."""
    return output("unshare --user --map-root-user id -u")


def sudo() -> str:
    """Become root."""
    return output("sudo -n true")


def setgid() -> str:
    """Make a folder whose files belong to its group, as shared folders are."""
    return output("mkdir shared && chmod 2775 shared && stat -c %a shared")


def low_port() -> str:
    """Serve at a port that needs rights."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 80))
    return "bound"


def ping() -> str:
    """Ask whether a machine is there."""
    return output("ping -c 1 -W 2 127.0.0.1 | grep -c '1 received'")


def chromium_with_its_own_sandbox() -> str:
    """Open a page in a browser that shuts itself in."""
    return output(f"{CHROMIUM} --dump-dom about:blank")
