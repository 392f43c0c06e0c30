"""Register deployments whose flows cannot be loaded here, beside those that can.

Prefect takes a flow's name and parameters from its code, as far as that can be read. Where there is
none, the deployment has the name of the function, and any parameters.
"""

from __future__ import annotations

import json
import runpy
import sys
from contextlib import suppress
from typing import Any
from unittest.mock import patch

from prefect import Flow, flows


def stand_in(entrypoint: str) -> Flow[..., Any]:
    """Return what Prefect would know of a flow that cannot be loaded."""
    found: Flow[..., Any] | None = None
    with suppress(OSError, ImportError, ValueError, SyntaxError):
        found = flows.safe_load_flow_from_entrypoint(entrypoint)
    return found if isinstance(found, Flow) else _without_code(entrypoint)


def _without_code(entrypoint: str) -> Flow[..., Any]:
    def cloned(**parameters: Any) -> None: ...

    name = entrypoint.replace(":", ".").rpartition(".")[2]
    return Flow(cloned, name=name.replace("_", "-"))


def main() -> None:
    """Call Prefect with the rest of the arguments; the first names the entrypoints."""
    missing = json.loads(sys.argv.pop(1))
    load = flows.load_flow_from_entrypoint

    def loaded(entrypoint: str, *more: Any, **options: Any) -> Flow[..., Any]:
        if entrypoint in missing:
            return stand_in(entrypoint)
        return load(entrypoint, *more, **options)

    with patch.object(flows, "load_flow_from_entrypoint", loaded):
        runpy.run_module("prefect", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
