"""Add a flow: its module, its test and its entry in `prefect.yaml`: `make flow NAME=daily`."""

from __future__ import annotations

import keyword
import os
import re
import sys
from pathlib import Path

from .errors import ToolError
from .project import FILE, read_yaml

FLOW = '''"""Say here what the flow is for."""

from prefect_durable import flow, settle, task


@task
def fetch(source: str) -> list[int]:
    return [len(source)]


@flow(name="{title}")
def {name}(source: str = "somewhere") -> list[int]:
    numbers = fetch.submit(source)
    settle([numbers])
    return numbers.result()
'''
TEST = """from {package}.flows.{name} import {name}


def test_{name}() -> None:
    assert {name}("here") == [4]
"""
ENTRY = """  - name: {name}
    entrypoint: {module}:{name}
    work_pool: *work_pool
"""


def main() -> int:
    """Write all three, or none and say why."""
    try:
        for path in add(os.environ.get("NAME", "")):
            print(path)
    except ToolError as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


def add(name: str) -> list[Path]:
    """Write the files of a new flow, and return them."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise ToolError(
            f"NAME is {name!r}: give a Python name of lowercase letters, digits and underscores,"
            " for example NAME=daily_report."
        )
    folder = _flows_folder()
    if name in {*sys.stdlib_module_names, folder.parent.name}:
        raise ToolError(
            f"NAME is {name!r}, a module that the flow's would hide: add a second word."
        )
    module, test = folder / f"{name}.py", Path(f"tests/test_{name}.py")
    if taken := [str(path) for path in (module, test) if path.exists()]:
        raise ToolError(f"NAME is {name!r}, and {taken[0]} exists: choose another name.")
    if name in [entry.get("name") for entry in read_yaml(FILE).get("deployments") or []]:
        raise ToolError(f"NAME is {name!r}, and {FILE} has a deployment of this name.")
    values = {
        "name": name,
        "title": name.replace("_", "-"),
        "package": folder.parent.name,
        "module": module.as_posix(),
    }
    entries = FILE.read_text(encoding="utf-8").rstrip("\n") + "\n" + ENTRY.format(**values)
    entries = entries.replace("deployments: []\n", "deployments:\n")
    module.write_text(FLOW.format(**values), encoding="utf-8")
    test.write_text(TEST.format(**values), encoding="utf-8")
    FILE.write_text(entries, encoding="utf-8")
    return [module, test, FILE]


def _flows_folder() -> Path:
    """Return the folder of the project's flows."""
    found = [path for path in Path("src").glob("*/flows") if path.is_dir()]
    if len(found) != 1:
        raise ToolError("src has no single folder <package>/flows: run this in the project.")
    return found[0]


if __name__ == "__main__":
    sys.exit(main())
