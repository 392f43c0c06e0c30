"""Run the flow of a deployment here and now, without a worker.

`make run FLOW=passing_data` runs it, with PARAMETERS='{"day": "2026-01-06"}' if need be. Where no
Prefect API answers, a temporary server and a temporary folder for results stand in for it.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import os
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import certifi
import httpx
from prefect import Flow, State
from prefect.settings import (
    PREFECT_LOGGING_TO_API_ENABLED,
    PREFECT_SERVER_LOGGING_LEVEL,
    get_current_settings,
    temporary_settings,
)
from prefect_durable import testing
from prefect_durable.child_start import DeploymentNotFound

from .errors import ToolError, ended, without_password
from .online import NoWorkerError, children_need_workers
from .parameters import wrong_parameters
from .prefect_yaml import PrefectYaml
from .project import FILE
from .references import mapping

CANNOT_START = (DeploymentNotFound, NoWorkerError)
"""What a flow ends with whose child runs nothing would start."""
ANSWERS_WITHIN = 5.0
"""Seconds that an API has to answer before a temporary one takes its place."""


def main() -> int:
    """Run the flow, print what it returned, and return 1 if it failed."""
    asked = _asked_for(os.environ.get("FLOW", ""), os.environ.get("PARAMETERS", ""))
    with _api_or_temporary():
        state = _run(*asked)
    print(state.result() if state.is_completed() else f"{state.name}: {state.message}")
    return 0 if state.is_completed() else 1


def _run(flow: Flow[..., Any], parameters: dict[str, Any]) -> State[Any]:
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(lambda record: not _is_told_at_the_end(record))
    with children_need_workers():
        state: Any = flow(**parameters, return_state=True)
        final: State[Any] = asyncio.run(state) if inspect.iscoroutine(state) else state
    if final.is_failed() and isinstance(
        reason := final.result(raise_on_failure=False), CANNOT_START
    ):
        needs = "a flow that runs deployments needs a server, make deploy and a worker"
        raise ToolError(f"{str(reason).rstrip('.')}: {needs}.")
    return final


def _is_told_at_the_end(record: logging.LogRecord) -> bool:
    """Say whether a record has the traceback of what is told in a sentence at the end."""
    return bool(record.exc_info and isinstance(record.exc_info[1], CANNOT_START))


def _asked_for(name: str, given: str) -> tuple[Flow[..., Any], dict[str, Any]]:
    """Return the flow of a deployment and its parameters, over which those given win."""
    deployments = {each.name: each for each in PrefectYaml().deployments}
    if name not in deployments:
        raise ToolError(f"FLOW is {name!r}; {FILE} has: {', '.join(deployments)}.")
    deployment = deployments[name]
    if deployment.flow is None:
        raise ToolError(f"{name}: {deployment.unloadable}.")
    try:
        more = json.loads(given or "{}")
    except json.JSONDecodeError as error:
        raise ToolError(f"PARAMETERS is {given!r}, which is no JSON: {error}.") from None
    if not isinstance(more, dict):
        raise ToolError(f"PARAMETERS is {given!r}, which is no JSON object.")
    parameters = {**mapping(deployment.entry.get("parameters")), **more}
    if problems := list(wrong_parameters(deployment.flow, parameters, complete=True)):
        raise ToolError("\n".join(f"{name}: {problem}." for problem in problems))
    return deployment.flow, parameters


@contextmanager
def _api_or_temporary() -> Iterator[None]:
    """Leave the API as it is if it answers, or have a temporary one."""
    url = get_current_settings().api.url or ""
    if _answers(url):
        yield
        return
    shown = without_password(url)
    print(f"No Prefect API answers at {shown}: this run has a temporary one.", file=sys.stderr)
    with (
        tempfile.TemporaryDirectory() as results,
        # It complains when it is stopped while there is more to write down.
        temporary_settings(updates={PREFECT_SERVER_LOGGING_LEVEL: "CRITICAL"}),
        temporary_settings(updates={PREFECT_LOGGING_TO_API_ENABLED: False}),
        testing.server(),
        testing.results_in(Path(results)),
    ):
        yield


def _answers(url: str) -> bool:
    try:
        # Whom Prefect's own client trusts.
        authorities = get_current_settings().api.ssl_cert_file or certifi.where()
        trusted = ssl.create_default_context(cafile=authorities)
        address = f"{url.rstrip('/')}/health"
        return httpx.get(address, timeout=ANSWERS_WITHIN, verify=trusted).is_success
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        return False


if __name__ == "__main__":
    sys.exit(ended(main))
