"""The tools of projects, imported from where they are: the repository has tools of its own."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from tests.project.baked import TEMPLATE

PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"
TOOLS = PROJECT / "tools"
NAME = "tools_of_projects"


def tool(name: str) -> ModuleType:
    """Import one of the tools."""
    if NAME not in sys.modules:
        folder = [str(TOOLS)]
        spec = importlib.util.spec_from_file_location(
            NAME, TOOLS / "__init__.py", submodule_search_locations=folder
        )
        assert spec
        sys.modules[NAME] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{NAME}.{name}")
