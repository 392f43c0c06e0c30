"""A process that has imported Prefect and runs each attempt of a program in a child of its own.

It reads requests from standard input, a line of JSON each, and answers when the child has ended.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import Any
from uuid import UUID

import prefect.flow_engine
from prefect import Flow, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import AwaitingRetry, Crashed
from pydantic import BaseModel

from tests.durable.programs import runners
from tests.durable.programs.values import canonical, receipts

ENDS_WITHIN = 300.0
"""Seconds that an attempt takes at most, on a machine that is busy with other things."""


def serve() -> None:
    """Run the attempts that are asked for, one after the other."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _child(json.loads(line))
        print(_ended(child), flush=True)


def _ended(child: int) -> int:
    """Return what an attempt has exited with, which is ended if it goes on for too long."""
    process = os.pidfd_open(child)
    if not select.select([process], [], [], ENDS_WITHIN)[0]:
        os.kill(child, signal.SIGKILL)
    os.close(process)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _child(request: dict[str, Any]) -> None:
    """Run an attempt and end."""
    code = 1
    try:
        output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        _run(request)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(request: dict[str, Any]) -> None:
    """Run an attempt and write down the flow run, and what it ends with."""
    folder, about = Path(request["folder"]), Path(request["about"])
    os.chdir(folder)
    runners.attend(json.dumps(request["told"]))
    flow = _flow(folder, request["loaded"])
    flow_run = _flow_run(flow, request)
    about.write_text(json.dumps({"flow_run": str(flow_run.id)}))
    state: Any = prefect.flow_engine.run_flow(flow, flow_run, return_type="state")
    if inspect.iscoroutine(state):
        state = asyncio.run(state)
    result = state.result() if state.is_completed() else None
    about.write_text(
        json.dumps(
            {
                "flow_run": str(flow_run.id),
                "state": state.type.value,
                "message": state.message,
                "result": canonical(result),
                "receipts": receipts(result),
            }
        )
    )


def _flow(folder: Path, loaded: str) -> Flow[..., Any]:
    """Load the flow of a program as Prefect's engine does for either kind of entrypoint."""
    if loaded == "script":
        return load_flow_from_entrypoint(f"{folder}/program.py:root", use_placeholder_flow=False)
    sys.path.insert(0, str(folder))
    found: Flow[..., Any] = importlib.import_module("program").root
    return found


def _flow_run(flow: Flow[..., Any], request: dict[str, Any]) -> FlowRun:
    """Return a new flow run, or the one that is retried."""
    with get_client(sync_client=True) as client:
        if request["flow_run"] is None:
            return client.create_flow_run(flow)
        known = UUID(request["flow_run"])
        if request["crashed"]:
            client.set_flow_run_state(known, Crashed(), force=True)
        client.set_flow_run_state(known, AwaitingRetry(), force=True)
        return client.read_flow_run(known)


USED = (
    *["prefect.client.schemas.actions", "prefect.client.schemas.filters"],
    *["prefect.client.schemas.objects", "prefect.client.schemas.responses"],
    *["prefect.concurrency.services", "prefect.events.clients", "prefect.events.worker"],
    *["prefect.task_engine", "prefect.utilities.visualization", "pydantic.v1"],
)
"""What Prefect imports when a flow runs; so it is imported once."""


def _prepare(*more: str) -> None:
    """Import what attempts use, and complete the models that are completed at their first use."""
    for name in (*USED, *more):
        for found in vars(importlib.import_module(name)).copy().values():
            if isinstance(found, type(BaseModel)) and found is not BaseModel:
                found.model_rebuild(raise_errors=False)


if __name__ == "__main__":
    if sys.argv[1] != "threads":
        runners.import_for(*sys.argv[1:])
    _prepare(*sys.argv[2:])
    # Every flow run would wait up to a second for its last heartbeat.
    with temporary_settings(updates={PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        serve()
