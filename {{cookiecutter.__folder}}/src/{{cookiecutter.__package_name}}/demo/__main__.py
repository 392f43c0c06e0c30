"""The demo, from the first line it prints to the last: `python -m {{ cookiecutter.__package_name }}.demo`."""

from __future__ import annotations

import sys
import time
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from . import {{ "containers, " if cookiecutter.work_pool_type == "docker" }}place
from .patterns import PATTERNS
from .services import Services, Stopped

SERVER_STARTS = 180.0
"""Seconds that the server has to answer, the first time on a slow machine."""


class Clock:
    """Says what is going on, and where the time went."""

    def __init__(self) -> None:
        """Start at nought."""
        self._began = self._lap = time.monotonic()
        self._spent: list[str] = []

    def say(self, text: str) -> None:
        """Print a line of progress."""
        print(f"{time.monotonic() - self._began:6.1f} s  {text}", flush=True)

    def done(self, name: str) -> None:
        """Note what the time since the last note was spent on."""
        now = time.monotonic()
        self._spent.append(f"{name} {now - self._lap:.1f} s")
        self._lap = now

    def __str__(self) -> str:
        """Return where the time went."""
        return f"{', '.join(self._spent)}; {self._lap - self._began:.1f} s in all"


def main() -> int:
    """Run the demo; return 0 if every pattern did what it promises."""
{%- if cookiecutter.work_pool_type == "docker" %}
    if reason := containers.missing():
        print(reason, file=sys.stderr)
        return 1
{%- endif %}
    clock = Clock()
    url = place.enter()
{%- if cookiecutter.result_storage != "local" %}
    clock.say("results are kept in a local folder: the demo needs no cloud account")
{%- endif %}
{%- if cookiecutter.prefect_api == "cloud" %}
    clock.say("the API is a local server: the demo needs no Prefect Cloud workspace")
{%- endif %}
{%- if cookiecutter.work_pool_type in ["kubernetes", "ecs"] %}
    clock.say("flows run as processes of this machine: the demo needs no cluster")
{%- endif %}
    try:
        with Services() as services:
            as_expected = _show(services, clock, url)
            clock.done("the rest")
            clock.say("stopping")
    except Stopped as reason:
        print(reason, file=sys.stderr)
        return 1
{%- if cookiecutter.work_pool_type == "docker" %}
    finally:
        containers.remove_all()
{%- endif %}
    clock.done("stopping")
    print(f"\nTime: {clock}")
    return 0 if as_expected else 1


def _show(services: Services, clock: Clock, url: str) -> bool:
    """Start everything, run everything, and print the table."""
    clock.say(f"starting a Prefect server: {url.removesuffix('/api')}, in {place.FOLDER}")
    services.start("server", "{{ cookiecutter.__package_name }}.server")
    # Prefect reads its settings when it is imported: only now are they the demo's own.
    from prefect import get_client

{% if cookiecutter.work_pool_type in ["process", "docker"] %}    from ..bootstrap import POOL_NAME, POOL_TYPE
{% endif %}    from .runs import PICTURES, Runs
    from .table import table

    _wait_for(services, url)
    clock.done("server")
    for line in services.run("bootstrap", "{{ cookiecutter.__package_name }}.bootstrap").splitlines():
        clock.say(line)
    clock.done("bootstrap")
{%- if cookiecutter.work_pool_type == "docker" %}
    clock.say("starting a worker, building the image, registering the deployments")
{%- else %}
    clock.say("starting a worker, registering the deployments")
{%- endif %}
{%- if cookiecutter.work_pool_type in ["process", "docker"] %}
    pool = ("--pool", POOL_NAME, "--type", POOL_TYPE)
{%- else %}
    pool = ("--pool", place.POOL, "--type", "process")
    services.run("pool", "prefect", "work-pool", "create", place.POOL, "--type", "process")
{%- endif %}
{%- if cookiecutter.work_pool_type == "process" %}
    project = str(place.FOLDER / "project")
    # The copy of the project that the worker has is without an environment of its own.
    places = {"PROJECT_DIR": project, "RUN_PYTHON": sys.executable}
    services.start("worker", "prefect", "worker", "start", *pool, **places)
{%- elif cookiecutter.work_pool_type in ["kubernetes", "ecs"] %}
    project = str(place.FOLDER / "project")
    services.start("worker", "prefect", "worker", "start", *pool, PROJECT_DIR=project)
{%- else %}
    services.start("worker", "prefect", "worker", "start", *pool)
{%- endif %}
    services.run("deploy", "prefect", "--no-prompt", "deploy", "--all")
    clock.done("deployments")
    clock.say(f"running {len(PATTERNS)} flows through the worker")
    rows = []
    with get_client(sync_client=True) as client:
        for row in Runs(client, PATTERNS).rows(services.check):
            rows.append(row)
            clock.say(f"{row.flow}: {row.state}")
    clock.done("flow runs")
    order = [pattern.flow for pattern in PATTERNS]
    rows.sort(key=lambda row: order.index(row.flow) if row.flow in order else len(order))
    print(f"\n{table(rows)}\n\nPictures of the graphs: {PICTURES}\n", flush=True)
    return all(row.expected for row in rows)


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
                raise Stopped(f"No server at {url} after {SERVER_STARTS:.0f} s.") from None
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
