"""One entry of `deployments` in `prefect.yaml`, and what is wrong with it by itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.exceptions import ScriptError
from prefect.flows import load_flow_from_entrypoint

from .parameters import wrong_parameters, wrong_schedules
from .references import clones, mapping, references
from .stand_in import stand_in

KEYS = {
    *("name", "version", "version_type", "tags", "description", "flow_name", "entrypoint"),
    *("parameters", "enforce_parameter_schema", "work_pool", "schedule", "schedules", "paused"),
    *("concurrency_limit", "triggers", "sla", "build", "push", "pull"),
}
POOL_KEYS = {"name", "work_queue_name", "job_variables"}
ADD_PACKAGE = "add its package to `dependencies` in pyproject.toml, then `make lock`"


class Deployment:
    """An entry, with its flow if that can be loaded."""

    def __init__(self, entry: dict[str, Any], pull: object, own_pool: str) -> None:
        """Load the flow; `unloadable` says why there is none, `unchecked` why that is no mistake.

        `pull` are the steps of a deployment without its own, `own_pool` is the one whose packages
        are installed here.
        """
        self.entry = entry
        self.name = str(entry.get("name") or entry.get("entrypoint") or "a deployment")
        self.entrypoint = str(entry.get("entrypoint") or "")
        self.pool = mapping(entry.get("work_pool"))
        self.is_of_own_pool = self.pool.get("name") == own_pool
        self.pull = pull if entry.get("pull") is None else entry["pull"]
        self.flow: Flow[..., Any] | None = None
        self.unloadable = self.unchecked = ""
        try:
            # Prefect would make do with a flow whose module does not import.
            self.flow = load_flow_from_entrypoint(self.entrypoint, use_placeholder_flow=False)
        except Exception as error:
            cause = error.user_exc if isinstance(error, ScriptError) else error
            reason = " ".join(str(cause).split()).rstrip(".")
            package = self._missing_package(cause)
            advice = f": {ADD_PACKAGE}" if package else ""
            self.unloadable = (
                f"no flow can be loaded from {entry.get('entrypoint')!r}: {reason}{advice}"
            )
            self.unchecked = self._reason_not_to_check(cause, package)

    @cached_property
    def flow_name(self) -> str:
        """Return the name of the flow, or an empty one."""
        if self.flow:
            return self.flow.name
        return stand_in(self.entrypoint).name if self.unchecked else ""

    @property
    def source(self) -> Path | None:
        """Return the file of the flow, however the entry names it."""
        file = inspect.getsourcefile(inspect.unwrap(self.flow.fn)) if self.flow else self._named
        return Path(file).resolve() if file else None

    @property
    def _named(self) -> str | None:
        """Return the file that the entrypoint names, if there is one."""
        path, colon, _ = self.entrypoint.rpartition(":")
        if path.endswith(".py"):
            return path if Path(path).is_file() else None
        try:
            spec = find_spec(path if colon else self.entrypoint.rpartition(".")[0])
        except (ImportError, ValueError):
            return None
        return spec.origin if spec else None

    def _missing_package(self, cause: Exception) -> str:
        """Return the module that the flow's file needs and no package has, if that is it."""
        lacks = cause.name if isinstance(cause, ModuleNotFoundError) else None
        return lacks if lacks and self._named and not _is_in_project(lacks) else ""

    def _reason_not_to_check(self, cause: Exception, package: str) -> str:
        """Say why a flow that cannot be loaded here may be right, or nothing if it is wrong."""
        is_missing = isinstance(cause, FileNotFoundError | ModuleNotFoundError)
        if is_missing and clones(self.pull):
            return "its flow is cloned where it runs, not checked here"
        if package and not self.is_of_own_pool:
            return f"its flow is not checked here, where {package!r} is not installed"
        return ""

    def problems(self) -> Iterator[str]:
        """Say what is wrong without regard to the rest of the file."""
        if not isinstance(self.entry.get("name"), str):
            yield "it has no name"
        if unknown := sorted(self.entry.keys() - KEYS):
            yield f"Prefect knows no {unknown}; it knows {', '.join(sorted(KEYS))}"
        if unknown := sorted(self.pool.keys() - POOL_KEYS):
            yield f"work_pool has no {unknown}; it has {', '.join(sorted(POOL_KEYS))}"
        if not self.pool.get("name"):
            yield "it has no work_pool with a name"
        blocks = [name for name in references(self.pool) if name.startswith("prefect.blocks.")]
        if blocks:
            yield f"the API would store {blocks} in plain text"
        if self.unloadable and not self.unchecked:
            yield self.unloadable
        parameters = mapping(self.entry.get("parameters"))
        if self.flow:
            yield from wrong_parameters(self.flow, parameters, complete=False)
        schedules = self.entry.get("schedules") or [self.entry.get("schedule")]
        given = [schedule for schedule in schedules if schedule]
        yield from wrong_schedules(self.flow, given, parameters)


def _is_in_project(module: str) -> bool:
    """Say whether a module would be one of the project's own."""
    name = module.split(".")[0]
    places = [folder / path for folder in (Path(), Path("src")) for path in (name, f"{name}.py")]
    return any(place.exists() for place in places)
