"""The demo, from the first line it prints to the last: `python -m tools.demo`."""

from __future__ import annotations

import os
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from ..errors import ToolError, ended
from ..project import FILE, Project, read, read_project, read_yaml
from ..references import mapping
from .clock import Clock
from .entries import check
from .place import FOLDER, STAND_IN, Place, alone, enter
from .services import Services

SERVER_STARTS = 180.0
"""Seconds that the server has to answer, the first time on a slow machine."""


def main() -> int:
    """Run the demo; return 0 if every flow completed."""
    with alone():
        return _demo()


def _demo() -> int:
    project = read_project()
    if not read_yaml(FILE).get("deployments"):
        raise ToolError(f"{FILE} lists no deployments: there is nothing to show.")
    settings = read(Path("prefect.toml"), tomllib.loads, tomllib.TOMLDecodeError)
    if project.pool_type == "docker":
        return _run_in_containers(project, settings)
    place = enter(project, (), str(FOLDER / "results"))
    return _run(_stand_ins(project, settings, place), place)


def _run_in_containers(project: Project, settings: dict[str, Any]) -> int:
    # Only a project with such a pool has the module.
    module = import_module(f"{__package__}.containers")
    with module.Containers(project.name) as containers:
        place = enter(project, module.OF_THE_PROJECT, containers.results)
        return _run(_stand_ins(project, settings, place), place, containers.claim)


def _stand_ins(project: Project, settings: dict[str, Any], place: Place) -> Iterator[str]:
    """Say what is of this machine, although the project's is not, and what is left out."""
    block = str(mapping(settings.get("results")).get("default_storage_block", ""))
    if not block.startswith("local-file-system/"):
        yield "results are stored in a local folder: the demo needs no cloud account"
    if "url" not in mapping(settings.get("api")):
        yield "the API is a local server: the demo needs no account"
    if place.pool_type != project.pool_type:
        yield "flows run as processes of this machine: the demo needs no cluster"
    yield from place.left_out


def _run(
    lines: Iterator[str], place: Place, claim: Callable[[Any], None] = lambda client: None
) -> int:
    clock = Clock()
    for line in lines:
        clock.say(line)
    with Services() as services:
        _start(services, clock, place)
        completed = _show(services, clock, place, claim)
        clock.done("the rest")
        if os.environ.get("KEEP") == "1":
            clock.say(f"the server stays at {_page(place)} until you press Enter")
            sys.stdin.readline()
        clock.say("stopping")
    clock.done("stopping")
    print(f"\nTime: {clock}")
    return 0 if completed else 1


def _start(services: Services, clock: Clock, place: Place) -> None:
    """Start everything, and register the deployments."""
    clock.say(f"starting a Prefect server: {_page(place)}, in {FOLDER}")
    services.start("server", "tools.server")
    check(stands_in=place.pool == STAND_IN)
    _wait_for(services, place.url)
    clock.done("server")
    for line in services.run("bootstrap", "tools.bootstrap").splitlines():
        clock.say(line)
    clock.done("bootstrap")
    clock.say("starting a worker, registering the deployments")
    if place.pool == STAND_IN:
        create = ("prefect", "work-pool", "create", place.pool, "--type", place.pool_type)
        services.run("pool", *create)
    worker = ("prefect", "worker", "start", "--pool", place.pool, "--type", place.pool_type)
    services.start("worker", *worker, **place.worker_environment)
    services.run("deploy", "prefect", "--no-prompt", "deploy", "--all")
    clock.done("deployments")


def _show(services: Services, clock: Clock, place: Place, claim: Callable[[Any], None]) -> bool:
    """Run everything, and show what happened; return whether all completed."""
    # Prefect reads its settings when it is imported: only now are they the demo's own.
    from prefect import get_client

    from .runs import Runs
    from .table import show

    names = [str(entry["name"]) for entry in read_yaml(FILE)["deployments"]]
    with get_client(sync_client=True) as client:
        claim(client)
        runs = Runs(client, names)
        clock.say(f"running {len(runs.runs)} flows through the worker")
        for run in runs.ended(services.check):
            ended = f"{run.name}: {run.attempts[-1].state}"
            clock.say(f"{ended:31}  {_page(place)}/runs/flow-run/{run.id}")
        clock.done("flow runs")
        runs.read_tasks()
    show(runs.runs)
    return all(run.completed for run in runs.runs)


def _page(place: Place) -> str:
    return place.url.removesuffix("/api")


def _wait_for(services: Services, url: str) -> None:
    """Wait until the server answers."""
    direct = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + SERVER_STARTS
    while True:
        services.check()
        try:
            direct.open(f"{url}/health", timeout=5).close()
            return
        except (URLError, TimeoutError):
            if time.monotonic() > deadline:
                raise ToolError(f"No server at {url} after {SERVER_STARTS:.0f} s.") from None
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(ended(main))
