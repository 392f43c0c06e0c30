"""What belongs to a project beside its code."""

from __future__ import annotations

import importlib
import shutil
from importlib import metadata
from pathlib import Path

from shop_reports.workloads.shell import output


def version() -> str:
    """Look up one's own version."""
    return metadata.version("shop-reports")


def entry_points() -> str:
    """Find plug-ins."""
    return " ".join(entry.name for entry in metadata.entry_points(group="shop_reports.sources"))


def script() -> str:
    """Call a program of one's own."""
    return output("shop-total of a script")


def hidden_file() -> str:
    """Read settings that a tool looks for in a hidden folder."""
    return Path(".shop/settings").read_text().strip()


def files_are_no_links() -> str:
    """Look for files as programs do that leave links out, and pack them with their times."""
    shutil.make_archive("packed", "zip", ".shop")
    return output(f"cd '{Path.cwd()}' && find .shop -type f | wc -l")


def empty_folder() -> str:
    """Write where git keeps a folder for it."""
    return str(Path("out/report").write_text("1"))


def module_of_its_own_wheel() -> str:
    """Import what no index has."""
    return str(importlib.import_module("shop_units").KILO)
