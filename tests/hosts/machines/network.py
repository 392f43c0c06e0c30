"""A bridge for the machines of one run, with addresses and a way out of their own."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

from tests.hosts.machines.shell import run


def bridge(number: int) -> str:
    """The bridge's interface."""
    return f"pvm{number}"


def address(number: int, host: int) -> str:
    """The address of a run's machine; 1 is the control side."""
    return f"10.213.{number}.{host}"


def create(number: int) -> None:
    """Make the bridge and let its machines out by the computer's default route."""
    name = bridge(number)
    remove(number)
    run(["ip", "link", "add", name, "type", "bridge"])
    run(["ip", "address", "add", f"{address(number, 1)}/24", "dev", name])
    run(["ip", "link", "set", name, "up"])
    # Left on for the uplink afterwards: others, Docker say, may have come to rely on it.
    for interface in (name, *_uplinks()):
        Path(f"/proc/sys/net/ipv4/conf/{interface}/forwarding").write_text("1")
    run(["nft", "-f", "-"], stdin=_rules(number))
    for rule in _docker_rules(number):
        run(["iptables", "-w", "-I", "FORWARD", *rule])


def cut_off(number: int, machine: str) -> None:
    """Let nothing of a machine's out any more."""
    run(["nft", "add", "rule", "ip", bridge(number), "fit", "ip", "saddr", machine, "drop"])


def remove(number: int) -> None:
    """Remove all of it, as much as is there."""
    commands = [
        *(["ip", "link", "delete", port] for port in _ports(number)),
        ["ip", "link", "delete", bridge(number)],
        ["nft", "delete", "table", "ip", bridge(number)],
        *(["iptables", "-w", "-D", "FORWARD", *rule] for rule in _docker_rules(number)),
    ]
    for command in commands:
        with contextlib.suppress(RuntimeError):
            run(command)


def _ports(number: int) -> list[str]:
    # A dead container's network outlives it for a while, and its names are taken until then.
    folder = Path(f"/sys/class/net/{bridge(number)}/brif")
    return [port.name for port in folder.iterdir()] if folder.is_dir() else []


def _uplinks() -> list[str]:
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "default"]))
    return [str(route["dev"]) for route in routes]


def _rules(number: int) -> str:
    name = bridge(number)
    return f"""
        table ip {name} {{
            chain out {{
                type nat hook postrouting priority srcnat
                ip saddr {address(number, 0)}/24 oifname != "{name}" masquerade
            }}
            chain fit {{
                type filter hook forward priority filter
                iifname "{name}" tcp flags syn tcp option maxseg size set rt mtu
            }}
        }}
    """


def _docker_rules(number: int) -> list[list[str]]:
    # Docker drops what it does not know, in a table that ours cannot overrule.
    if not shutil.which("iptables"):
        return []
    name = bridge(number)
    return [["-i", name, "-j", "ACCEPT"], ["-o", name, "-j", "ACCEPT"]]
