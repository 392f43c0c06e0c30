"""What we use of Prefect beyond its promises is there, so that a new version breaks by name."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import prefect
import prefect.settings
import pytest

from tests.template.options import TEMPLATE
from tests.template.prefect_uses import (
    ARGUMENTS,
    DURABLE,
    MODULES_RUN,
    NO_SETTINGS,
    PRIVATE,
    PRIVATE_IN_FILES,
    PROJECT,
    REPLACED,
    ROLE,
    TEXTS,
    TOOLS,
    UNDOCUMENTED,
)
from tests.template.trees import cookiecutter, git, run

PREFECT = Path(prefect.__file__).parent


@cache
def python_files() -> dict[str, ast.Module]:
    """Return the syntax of all Python in the role and in a project."""
    with tempfile.TemporaryDirectory() as folder:
        made = cookiecutter(TEMPLATE, "--no-input", cwd=Path(folder))
        return {
            f"{PROJECT}/{path.relative_to(made)}": ast.parse(path.read_bytes())
            for path in made.rglob("*.py")
        }


def text(name: str) -> str:
    """Return what a file of the repository holds."""
    return (TEMPLATE / name).read_text(encoding="utf-8")


def nodes(under: str = "") -> Iterator[ast.AST]:
    """Return every piece of syntax of our files below a folder."""
    for name, tree in python_files().items():
        if name.startswith(under):
            yield from ast.walk(tree)


def has(owner: Any, name: str) -> bool:
    """Tell whether a class declares an attribute, be it a field of pydantic or of its objects."""
    declared = {**getattr(owner, "model_fields", {}), **getattr(owner, "__annotations__", {})}
    private = getattr(owner, "__private_attributes__", {})
    if hasattr(owner, name) or name in declared or name in private:
        return True
    return f"self.{name}" in inspect.getsource(owner)


def test_every_name_that_is_imported_exists() -> None:
    imported = {
        (node.module, alias.name)
        for node in nodes()
        # The last one imports the server; the tests of the runtime begin with it.
        if isinstance(node, ast.ImportFrom)
        and re.match(r"prefect(\.|$)(?!testing)", node.module or "")
        for alias in node.names
    }
    assert len(imported) > 30
    missing = [
        f"{module}.{name}"
        for module, name in sorted(imported)
        if module and not hasattr(importlib.import_module(module), name)
    ]
    assert missing == []


def test_every_private_attribute_is_named_here_and_exists() -> None:
    ours = {name for node in nodes() for name in _defined(node)} - PRIVATE.keys()
    used = {
        name
        for node in (*nodes(TOOLS), *nodes(DURABLE))
        for name in [getattr(node, "attr", None) or getattr(node, "name", None)]
        if isinstance(name, str) and re.match(r"_[a-z]", name) and name not in ours
    }
    assert used == PRIVATE.keys() | PRIVATE_IN_FILES.keys()
    owners = {name: (owner, pkgutil.resolve_name(owner)) for name, owner in PRIVATE.items()}
    missing = [f"{path}.{name}" for name, (path, owner) in owners.items() if not has(owner, name)]
    assert missing == []


@pytest.mark.parametrize(("owner", "name"), REPLACED)
def test_what_a_start_on_a_machine_replaces_exists(owner: str, name: str) -> None:
    assert has(pkgutil.resolve_name(owner), name)
    parts = ("patience", "run_log", "room", "printed", "git_login")
    files = (*(f"runs/{part}" for part in parts), "limited_worker", "health_port")
    ours = [text(f"{ROLE}/files/{file}.py") for file in files]
    ours.append(text(f"{TOOLS}/stand_in.py"))
    assert any(name in source for source in ours), "not used any more"


def test_every_private_attribute_that_a_program_on_a_machine_uses_is_named_here() -> None:
    used = {
        node.attr
        for node in nodes(f"{ROLE}/files")
        if isinstance(node, ast.Attribute)
        and re.match(r"_[a-z]", node.attr)
        # Ours are used by their own objects alone.
        and not (isinstance(node.value, ast.Name) and node.value.id == "self")
    }
    assert used - {name for _, name in REPLACED} == set()


def _defined(node: ast.AST) -> list[str]:
    """Return the name that a piece of syntax gives to something."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return [node.attr]
    return [node.id] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else []


def test_private_attributes_of_storages_exist(tmp_path: Path) -> None:
    pins = text("templates/requirements/process-s3.txt")
    for name, (package, file) in PRIVATE_IN_FILES.items():
        version = re.search(rf"^{package}==\S+", pins, re.MULTILINE)
        assert version
        uv = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps")
        run(*uv, "--target", tmp_path, version[0], cwd=tmp_path)
        assert f"def {name}(" in (tmp_path / file).read_text(encoding="utf-8"), package


@pytest.mark.parametrize("symbol", UNDOCUMENTED)
def test_undocumented_attribute_exists(symbol: str) -> None:
    owner, _, name = symbol.rpartition(".")
    assert has(pkgutil.resolve_name(owner), name)
    ours = [*nodes(DURABLE), *nodes(TOOLS)]
    assert any(getattr(node, "attr", None) == name for node in ours), "not used any more"


@pytest.mark.parametrize("function", ARGUMENTS)
def test_function_accepts_the_arguments(function: str) -> None:
    accepted = inspect.signature(pkgutil.resolve_name(function)).parameters
    kinds = {parameter.kind for parameter in accepted.values()}
    missing = [name for name in ARGUMENTS[function] if name not in accepted]
    assert missing == [] or inspect.Parameter.VAR_KEYWORD in kinds


@pytest.mark.parametrize(("theirs", "words", "ours"), TEXTS)
def test_text_is_what_prefect_says(theirs: str, words: str, ours: str) -> None:
    assert words in (PREFECT / theirs).read_text(encoding="utf-8")
    assert git(TEMPLATE, "grep", "--files-with-matches", "--fixed-strings", words, "--", ours)


@pytest.mark.parametrize("module", MODULES_RUN)
def test_module_can_be_run(module: str) -> None:
    assert f'run_module("{module}"' in text(MODULES_RUN[module])
    path = PREFECT.parent.joinpath(*module.split("."))
    source = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    assert '\nif __name__ == "__main__":\n' in source.read_text(encoding="utf-8")


def test_every_setting_exists() -> None:
    found = git(TEMPLATE, "grep", "-hoE", r"\bPREFECT_[A-Z_]*[A-Z]\b", "--", PROJECT)
    names = {name for name in found.split() if "__" not in name} - NO_SETTINGS
    assert [name for name in sorted(names) if not hasattr(prefect.settings, name)] == []


def test_every_option_of_the_worker_exists() -> None:
    unit = text(f"{ROLE}/templates/worker.service.j2")
    options = set(re.findall(r"(?<= )--[a-z-]+", unit))
    assert {"--pool", "--with-healthcheck"} < options
    known = (PREFECT / "cli" / "worker.py").read_text(encoding="utf-8")
    parameters = set(re.findall(r'"(--[a-z-]+)', known))
    assert {option.replace("--no-", "--") for option in options} - parameters == set()


def test_every_path_of_the_api_exists() -> None:
    known = set()
    for file in (PREFECT / "server" / "api").glob("*.py"):
        content = file.read_text(encoding="utf-8")
        prefix = re.search(r'PrefectRouter\(\s*prefix="([^"]*)"', content)
        for path in re.findall(r'@router\.(?:get|post|delete)\(\s*"([^"]*)"', content):
            known.add(re.sub(r"\{[^}]*\}", "{}", (prefix[1] if prefix else "") + path))
    asked = {
        path.partition("?")[0].removeprefix("/api")
        for name in python_files()
        # This one asks an engine of containers.
        if not name.endswith("runs/engine.py")
        for node in ast.walk(python_files()[name])
        if isinstance(node, ast.Call)
        for path in _paths(node)
    }
    assert {"/flow_runs/{}/set_state", "/work_pools/{}"} < asked
    assert asked - known - {"/health", "/deployments/name/"} == set()


def _paths(call: ast.Call) -> Iterator[str]:
    """Return paths among the arguments of a call that asks the API."""
    function = call.func
    name = getattr(function, "attr", None) or getattr(function, "id", None)
    if name not in ("get", "post", "request"):
        return
    for argument in call.args:
        pieces = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
        whole = "".join(
            str(piece.value) if isinstance(piece, ast.Constant) else "{}" for piece in pieces
        )
        if whole.startswith("/"):
            yield re.sub(r"\{[^}]*\}", "{}", whole)
