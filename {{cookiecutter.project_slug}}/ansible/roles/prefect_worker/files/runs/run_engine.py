"""Run Prefect's engine for one flow run, with what a run on a machine needs besides.

A process pool's children import this file too, so what it installs is there as well.
"""

import importlib.util
import runpy
import sys
from pathlib import Path
from types import ModuleType


def _load(name: str) -> ModuleType:
    """Return the module beside this one, under a name that no project's module has."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"prefect_worker_run_{name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# What escapes a state's message comes after what adds to it.
for _part in ("forks", "patience", "printed", "room", "run_log", "git_login"):
    _load(_part).install()

if __name__ == "__main__":
    # As `python -m` has it, so that modules beside the flow's code are found and these are not.
    if sys.path[0] == str(Path(__file__).parent):
        sys.path[0] = str(Path.cwd())
    runpy.run_module("prefect.engine", run_name="__main__")
