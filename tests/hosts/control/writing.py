"""What a machine's own Python can be made to do while a module of the role writes."""

from __future__ import annotations

from tests.hosts.machines.container import Container
from tests.hosts.machines.host import quoted

HOOK = "/usr/lib/python3/dist-packages/writing.pth"
SCRIPT = "/run/writing.py"
# `Path.replace` calls what is in the module `os`.
DIES = """
import os, signal
original = os.replace
def replace(source, target, **options):
    if str(target) == {path!r}:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(source, target, **options)
os.replace = replace
"""


def die_at(host: Container, path: str) -> None:
    """Kill whatever process of root's Python is about to give a file its new content."""
    host.shell(f"printf %s {quoted(DIES.format(path=path))} >{SCRIPT}")
    line = f"import os; os.path.exists('{SCRIPT}') and exec(open('{SCRIPT}').read(), dict())"
    host.shell(f"printf %s {quoted(line)} >{HOOK}")


def live_again(host: Container) -> None:
    """Kill no more."""
    host.shell(f"rm {HOOK} {SCRIPT}")


def fill(host: Container, folder: str, spare_kib: int) -> None:
    """Give a folder a file system of its own with its content and so much room."""
    host.shell(
        f"cp --archive {folder} /run/full && mount -t tmpfs -o size=4m full {folder}"
        f" && cp --archive /run/full/. {folder} && head -c {spare_kib}K /dev/zero >{folder}/.spare"
        f" && (cat /dev/zero >{folder}/.fill 2>/dev/null; rm {folder}/.spare)"
    )


def empty(host: Container, folder: str) -> None:
    """Give it back what it had."""
    host.shell(f"umount --lazy {folder} && rm -r /run/full")
