"""Which containers of the engine are this worker's, and which flow run each executes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import engine
import identifiers
import records

# In the place of a run, for a container that is another worker's, or nobody's.
OTHERS = "others"


@dataclass
class Container:
    """A container of this worker's, and what is known of it from earlier looks."""

    id: str
    state: str
    made: float
    record: dict[str, Any]

    @property
    def run(self) -> str:
        """The id of its flow run."""
        return str(self.record["run"])


def container(found: dict[str, Any]) -> Container | None:
    """Return what is this worker's; labels can be set by a deployment, so they do not count."""
    record = records.read(found["Id"])
    if "run" not in record:
        identified = _identified(found)
        if identified is None:
            return None
        record = identified
        records.write(found["Id"], record)
    if record["run"] == OTHERS:
        return None
    return Container(found["Id"], found["State"], float(found["Created"]), record)


def running() -> set[str]:
    """Return the ids of this worker's containers that run, and write nothing down."""
    there = [found for found in engine.containers() if found["State"] == "running"]
    return {found["Id"] for found in there if _identified(found) not in (None, {"run": OTHERS})}


def _identified(found: dict[str, Any]) -> dict[str, Any] | None:
    """Return what to remember of a container; None of one that has gone meanwhile."""
    try:
        return _identity(engine.inspect(found["Id"]))
    except engine.RefusedError:
        return None


def _identity(shown: dict[str, Any]) -> dict[str, Any]:
    """Return which run the container executes, if it is this worker's."""
    pairs = (line.partition("=") for line in shown["Config"]["Env"] or [])
    environment = {name: value for name, _, value in pairs}
    if environment.get("PREFECT__WORKER_NAME") != os.environ["RUN_WORKER"]:
        return {"run": OTHERS}
    run = environment.get("PREFECT__FLOW_RUN_ID", "")
    if not identifiers.is_one(run):
        print(f"{shown['Name']} executes no flow run: PREFECT__FLOW_RUN_ID is {run[:40]!r}")
        run = ""
    return {"run": run}
