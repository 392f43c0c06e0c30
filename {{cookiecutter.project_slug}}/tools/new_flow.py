"""Add a flow: its module, its test and its entry in `prefect.yaml`: `make flow NAME=daily`."""

from __future__ import annotations

import ast
import builtins
import keyword
import os
import re
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

import yaml

from .errors import ToolError, ended
from .project import FILE, read_yaml
from .references import mapping

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
    entrypoint: {package}.flows.{name}.{name}
    work_pool: *work_pool
"""
MODULE = ast.parse(FLOW.format(name="_", title=""))
USED = {*dir(builtins), *(node.id for node in ast.walk(MODULE) if isinstance(node, ast.Name))}
"""What a flow of this name would hide in its own module."""


def main() -> int:
    """Write all three, or none and say why."""
    try:
        for path in add(os.environ.get("NAME", "")):
            print(path)
    except OSError as error:
        raise ToolError(f"The flow cannot be written, and nothing is added: {error}.") from None
    return 0


def add(name: str) -> list[Path]:
    """Write the files of a new flow, and return them."""
    if not re.fullmatch(r"(?!test)[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise ToolError(
            f"NAME is {name!r}: give a Python name of lowercase letters, digits and underscores"
            " that does not begin with test, for example NAME=daily_report."
        )
    folder = _flows_folder()
    if name in USED:
        raise ToolError(f"NAME is {name!r}, which the flow's module uses: add a second word.")
    module, test = folder / f"{name}.py", Path(f"tests/test_{name}.py")
    if taken := [str(path) for path in (module, test) if path.exists()]:
        raise ToolError(f"NAME is {name!r}, and {taken[0]} exists: choose another name.")
    values = {
        "name": name,
        "title": name.replace("_", "-"),
        "package": folder.parent.name,
    }
    entries = _with_entry(name, ENTRY.format(**values))
    _write({module: FLOW.format(**values), test: TEST.format(**values)}, entries)
    return [module, test, FILE]


def _with_entry(name: str, entry: str) -> str:
    """Return `prefect.yaml` with a deployment more, its last; raise ToolError if it is not."""
    document = read_yaml(FILE)
    before = document.get("deployments") or []
    by_hand = ToolError(f"{FILE} does not end with its list of deployments: add {name!r} by hand.")
    if not isinstance(before, list):
        raise by_hand
    if name in [mapping(deployment).get("name") for deployment in before]:
        raise ToolError(f"NAME is {name!r}, and {FILE} has a deployment of this name.")
    entries = FILE.read_text(encoding="utf-8").rstrip("\n") + "\n" + entry
    entries = entries.replace("deployments: []\n", "deployments:\n")
    try:
        after = mapping(yaml.safe_load(entries))
    except yaml.YAMLError:
        raise by_hand from None
    *others, last = after.get("deployments") or [None]
    rest, rest_before = {**after, "deployments": others}, {**document, "deployments": before}
    if mapping(last).get("name") != name or rest != rest_before:
        raise by_hand
    return entries


def _write(new: dict[Path, str], entries: str) -> None:
    """Write new files and replace `prefect.yaml`, or leave everything as it was."""
    file = FILE.resolve()
    draft = file.with_name(f"{file.name}.new")
    with ExitStack() as undo:
        for path, text in {**new, draft: entries}.items():
            with path.open("x", encoding="utf-8") as output:
                undo.callback(path.unlink)
                output.write(text)
        shutil.copymode(file, draft)
        draft.replace(file)
        undo.pop_all()


def _flows_folder() -> Path:
    """Return the folder of the project's flows."""
    found = [path for path in Path("src").glob("*/flows") if path.is_dir()]
    if len(found) != 1:
        raise ToolError("src has no single folder <package>/flows: run this in the project.")
    return found[0]


if __name__ == "__main__":
    sys.exit(ended(main))
