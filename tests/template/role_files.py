"""Files of the roles that are in no package, imported as they are."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from tests.template.options import TEMPLATE
from tests.template.prefect_uses import ROLE


def loaded(path: str) -> ModuleType:
    """Import a file of the worker's role, or of another by its path from there."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, TEMPLATE / ROLE / path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
