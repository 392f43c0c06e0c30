"""Write down every execution of a task, and let one of them fail: for the processes of flow runs.

Python imports this when it starts with the folder in PYTHONPATH. The flows know nothing of it.

COUNTED: the file that gets a line for each execution.
FAILS: `task:number`, the execution that fails as long as the file `<COUNTED>.mended` is not there.
WAITS: the task that waits for that file.
"""

import os
import sys
import time
from collections.abc import Callable
from functools import wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

LOCK = Lock()


def count(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the function of a task."""

    @wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        file = Path(os.environ["COUNTED"])
        with LOCK, file.open("a") as lines:
            lines.write(f"{function.__name__}{args}\n")
            number = (
                sum(
                    line.startswith(f"{function.__name__}(")
                    for line in file.read_text().splitlines()
                )
                + 1
            )
        mended = Path(f"{file}.mended")
        while function.__name__ == os.environ.get("WAITS") and not mended.exists():
            time.sleep(0.1)
        failing = os.environ.get("FAILS", "") == f"{function.__name__}:{number}"
        if failing and not mended.exists():
            raise ConnectionError(f"{function.__name__} fails for once.")
        return function(*args, **kwargs)

    return counted


class Finder(MetaPathFinder):
    """Puts the counting between the project's `task` and the tasks."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find the module that defines `task`, and change it when it has been executed."""
        if name != "prefect_durable.tasks":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            changed: Any = module
            made = changed.task

            def task(function: Any = None, /, **options: Any) -> Any:
                if function is None:
                    return lambda function: task(function, **options)
                return made(count(function), **options)

            changed.task = task

        setattr(spec.loader, "exec_module", exec_module)  # noqa: B010
        return spec


if "COUNTED" in os.environ:
    sys.meta_path.insert(0, Finder())
