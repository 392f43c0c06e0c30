"""Machines to try things on, until Ctrl-C: `python -m tests.hosts.machines trixie vm:trixie`.

`equipped:bookworm` has the programs of data teams, too.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import closing

from tests.hosts.machines.host import Host
from tests.hosts.machines.lab import Lab

ENDINGS = {signal.SIGINT, signal.SIGTERM}


def main() -> None:
    """Start the machines named and say how to reach them."""
    with closing(Lab()) as lab:
        for number, wish in enumerate(sys.argv[1:], start=1):
            kind, _, suite = wish.rpartition(":")
            makers: dict[str, Callable[[str, str], Host]] = {
                "vm": lab.vm,
                "equipped": lab.equipped,
                "": lab.container,
            }
            makers[kind](suite, f"{suite}{number}").start()
        for host in lab.hosts:
            host.wait()
            print(f"{host.name}: ssh -F {lab.keys.config} {host.address}", flush=True)
        print(f"The control side is {lab.gateway} for them. Ctrl-C ends them.", flush=True)
        # Even where whoever started this has it ignore them.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        signal.sigwait(ENDINGS)


if __name__ == "__main__":
    main()
