"""Tears a run down when its owner is gone, however it ended."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.hosts.machines.slots import tear_down


def main() -> None:
    """Wait for the end of standard input, which is the owner's death or its wish."""
    number, folder = int(sys.argv[1]), Path(sys.argv[2])
    sys.stdin.read()
    tear_down(number, folder)


if __name__ == "__main__":
    main()
