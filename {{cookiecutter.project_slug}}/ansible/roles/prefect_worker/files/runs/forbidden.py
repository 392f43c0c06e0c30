"""Find which system call the sandbox ended a flow run for, as the kernel has logged it.

Root reads the log, and tells of it the numbers of one call that one process of a run's own unit
made: what else is there is not for the workers' user.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
import subprocess
import time

SHOW = ["/usr/bin/systemctl", "show", "--property=ExecMainPID", "--value"]
LOG = ["/usr/bin/journalctl", "--quiet", "--no-pager", "--output=cat", "--since=-2min"]
# Some systems have what the kernel audits in a stream of its own.
OF_THE_KERNEL = ["--boot", "--lines=1000", "_TRANSPORT=kernel", "+", "_TRANSPORT=audit"]
ANSWER = re.compile(r"([0-9a-f]{1,8}) (\d{1,6})", re.ASCII)
# The log is a moment later than the run's end; where it has nothing, the report is not to wait.
TRIES, PAUSE = 3, 0.5
PATIENCE = 10


def logged(unit: str) -> str:
    """Return architecture and number of the call that ended a unit's main process, or nothing."""
    pid = _output([*SHOW, unit]).strip()
    line = re.compile(rf"\bpid={pid} .*\bsig=31 arch=([0-9a-f]+) syscall=(\d+)\b")
    for _ in range(TRIES):
        if found := line.findall(_output([*LOG, *OF_THE_KERNEL])):
            return " ".join(found[-1])
        time.sleep(PAUSE)
    return ""


def described(answer: str) -> str:
    """Return number and name of the call that root's answer is about; nothing if it has none."""
    found = ANSWER.fullmatch(answer)
    return f"system call {found[2]}{_name(*found.groups())}" if found else ""


def _name(architecture: str, number: str) -> str:
    with contextlib.suppress(OSError, AttributeError):
        # Part of systemd's own filters, so it is there.
        resolve = ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_num_arch
        resolve.restype = ctypes.c_char_p
        name = resolve(ctypes.c_uint32(int(architecture, 16)), int(number))
        return f", {name.decode()}" if name else ""
    return ""


def _output(command: list[str]) -> str:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE, errors="replace"
        )
        return done.stdout
    return ""
