"""One entry of `deployments` in `prefect.yaml`, and what is wrong with it by itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.exceptions import ScriptError
from prefect.flows import load_flow_from_entrypoint

from .parameters import wrong_parameters, wrong_schedules
from .references import mapping, references

KEYS = {
    *("name", "version", "version_type", "tags", "description", "flow_name", "entrypoint"),
    *("parameters", "enforce_parameter_schema", "work_pool", "schedule", "schedules", "paused"),
    *("concurrency_limit", "triggers", "sla", "build", "push", "pull"),
}
POOL_KEYS = {"name", "work_queue_name", "job_variables"}


class Deployment:
    """An entry, with its flow if that can be loaded."""

    def __init__(self, entry: dict[str, Any]) -> None:
        """Load the flow; `unloadable` says why there is none."""
        self.entry = entry
        self.name = str(entry.get("name") or entry.get("entrypoint") or "a deployment")
        self.pool = mapping(entry.get("work_pool"))
        self.flow: Flow[..., Any] | None = None
        self.unloadable = ""
        entrypoint = entry.get("entrypoint")
        try:
            # Prefect would make do with a flow whose module does not import.
            self.flow = load_flow_from_entrypoint(str(entrypoint or ""), use_placeholder_flow=False)
        except Exception as error:
            cause = error.user_exc if isinstance(error, ScriptError) else error
            reason = " ".join(str(cause).split()).rstrip(".")
            self.unloadable = f"no flow can be loaded from {entrypoint!r}: {reason}"

    @property
    def source(self) -> Path | None:
        """Return the file of the flow, however the entry names it."""
        file = self.flow and inspect.getsourcefile(inspect.unwrap(self.flow.fn))
        return Path(file).resolve() if file else None

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
        if not self.flow:
            yield self.unloadable
            return
        parameters = mapping(self.entry.get("parameters"))
        yield from wrong_parameters(self.flow, parameters, complete=False)
        schedules = self.entry.get("schedules") or [self.entry.get("schedule")]
        given = [schedule for schedule in schedules if schedule]
        yield from wrong_schedules(self.flow, given, parameters)
