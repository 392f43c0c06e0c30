"""Run by the machine's Python alone: make a release known to importlib.metadata, with its scripts.

Nothing of the project is executed or built: what is told is what its pyproject.toml says.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
GROUP = re.compile(r"\w+([.-]\w+)*")
SCRIPT_NAME = re.compile(r"\w[\w.-]*")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")
ENTRY = re.compile(r"[^\s=\[][^\n=]*")
OBJECT = re.compile(r"([\w.]+)\s*:\s*([\w.]+)")
SCRIPT = """#!{python}
import sys

from {module} import {first}

sys.exit({called}())
"""


def main(release: Path, description: Path) -> None:
    """Write metadata, entry points and scripts as installing the project would."""
    project = tomllib.loads((release / "pyproject.toml").read_text("utf-8-sig")).get("project", {})
    if not project:
        return
    name = _like(NAME, project.get("name", ""), "project.name")
    # A version that is worked out when a project is built is not known here.
    version = _like(VERSION, project.get("version", "0"), "project.version")
    escaped = re.sub(r"[-_.]+", "_", name).lower()
    folder = description / f"{escaped}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    scripts = project.get("scripts", {})
    # A worker would load Prefect's, and go on with them when only code has changed.
    others = project.get("entry-points", {}).items()
    groups = {name: group for name, group in others if not name.startswith("prefect.")}
    groups["console_scripts"] = scripts
    (folder / "entry_points.txt").write_text("\n".join(map(_group, groups.items())))
    for script, target in scripts.items():
        path = description / "bin" / _like(SCRIPT_NAME, script, "project.scripts")
        _write_script(path, release / ".venv/bin/python", target)


def _group(named: tuple[str, dict[str, str]]) -> str:
    group, entries = named
    lines = [f"[{_like(GROUP, group, 'project.entry-points')}]"]
    for name, target in entries.items():
        lines.append(f"{_like(ENTRY, name, group)} = {_like(ENTRY, target, f'{group}.{name}')}")
    return "\n".join([*lines, ""])


def _write_script(path: Path, python: Path, target: str) -> None:
    found = OBJECT.fullmatch(target.partition("[")[0].strip())
    if not found:
        raise SystemExit(f"project.scripts.{path.name} is {target!r}, not `module:function`.")
    path.parent.mkdir(exist_ok=True)
    module, called = found.groups()
    first = called.split(".")[0]
    path.write_text(SCRIPT.format(python=python, module=module, first=first, called=called))
    path.chmod(0o755)


def _like(pattern: re.Pattern[str], value: Any, where: str) -> str:
    if not (isinstance(value, str) and pattern.fullmatch(value)):
        raise SystemExit(f"pyproject.toml has {value!r} at {where}, which no package can have.")
    return value


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[1], sys.argv[2]))
    except (AttributeError, TypeError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        sys.exit(f"pyproject.toml cannot be read: {error}")
