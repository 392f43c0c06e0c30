"""Programs of every Debian that batch jobs call, and the same from Python."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from shop_reports.workloads.shell import output


def gzip() -> str:
    """Compress a file, which keeps its owner and time."""
    return output("seq 9000 >n && gzip n && gzip -dc n.gz | tail -n 1")


def xz() -> str:
    """Compress a file, which keeps its owner and time."""
    return output("seq 9000 >n && xz n && xz -dc n.xz | tail -n 1")


def bzip2() -> str:
    """Compress a file, which keeps its owner and time."""
    return output("seq 9000 >n && bzip2 n && bzip2 -dc n.bz2 | tail -n 1")


def zstd() -> str:
    """Compress a file, which keeps its owner and time."""
    return output("seq 9000 >n && zstd -q --rm n && zstd -dc n.zst | tail -n 1")


def sed() -> str:
    """Edit a file in its place."""
    return output("echo a=1 >c && sed -i s/1/2/ c && cat c")


def cp() -> str:
    """Copy with times, modes and owners."""
    copies = "cp -a /etc/hostname a && cp -p a b"
    return output(f"{copies} && stat -c %Y a b /etc/hostname | uniq | wc -l")


def rsync() -> str:
    """Mirror a folder with all it has."""
    return output("mkdir a && echo x >a/f && rsync -a a/ b && cat b/f")


def tar() -> str:
    """Pack and unpack."""
    return output("echo x >a && tar -czf t.tgz a && rm a && tar -xzpf t.tgz && cat a")


def git() -> str:
    """Clone a repository of the machine."""
    who = "-c user.name=a -c user.email=a@example.com"
    make = f"git init -q a && cd a && echo x >f && git add f && git {who} commit -q -m first"
    return output(f"({make}) && git clone -q file://$PWD/a b && cat b/f")


def chgrp() -> str:
    """Give a file to one's own group."""
    return output("touch e && chgrp prefect e && stat -c %G e")


def nice() -> str:
    """Be nicer to others."""
    return output("nice -n 10 nice")


def ionice() -> str:
    """Leave the disk to others."""
    return output("ionice -c 3 ionice")


def taskset() -> str:
    """Keep to one processor."""
    return output("taskset -c 0 nproc")


def os_nice() -> str:
    """Be nicer to others, from Python."""
    pid = os.fork()
    if not pid:
        os._exit(os.nice(5))
    return str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def os_sched_setaffinity() -> str:
    """Keep this process to one processor for a moment, from Python."""
    before = os.sched_getaffinity(0)
    one = {min(before)}
    os.sched_setaffinity(0, one)
    same = os.sched_getaffinity(0) == one
    os.sched_setaffinity(0, before)
    return str(same)


def os_chown() -> str:
    """Give a file to one's own group, from Python."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.touch()
        os.chown(path, -1, os.getgid())
        return str(path.stat().st_gid == os.getgid())


def psutil() -> str:
    """List the network's interfaces, from Python."""
    import psutil

    return psutil.net_if_addrs()["lo"][0].address
