"""Register the deployments of `prefect.yaml`, after it was checked.

`make deploy` runs it. Nothing is registered unless everything in the file is right. Deployments of
this project that the API still has and the file has no longer are named, or removed with --prune:
those in its work pools, as in any other pool they may be of a project with an equal package.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from .api import api
from .errors import ToolError, ended
from .prefect_yaml import PrefectYaml
from .project import FILE

PAGE = 200
SHOWN = 3
"""How many deployments of a pool are named that may be another project's."""


def main() -> int:
    """Check, register, and name or remove what is left over."""
    project = PrefectYaml()
    if problems := [*project.problems(os.environ), *_missing_pools(project)]:
        raise ToolError("\n".join([*problems, "Nothing was registered."]))
    for sentence in project.unchecked():
        print(sentence, flush=True)
    if status := _register(project):
        return status
    with api() as client:
        _settle_leftovers(client, project, prune="--prune" in sys.argv)
    return 0


def _register(project: PrefectYaml) -> int:
    """Let Prefect register everything, and return its exit status."""
    if not project.deployments:
        print(f"{FILE} lists no deployments: nothing is registered.")
        return 0
    unread = [each.entrypoint for each in project.deployments if each.unchecked]
    prefect = ["tools.stand_in", json.dumps(unread)] if unread else ["prefect"]
    command = [sys.executable, "-m", *prefect, "--no-prompt", "deploy", "--all"]
    # Prefect would write into the deployments what steps are to find where they run.
    rest = {name: value for name, value in os.environ.items() if name not in project.of_workers}
    return subprocess.run(command, env=rest).returncode


def _missing_pools(project: PrefectYaml) -> Iterator[str]:
    """Say which work pools the API does not have, or why it cannot be asked."""
    try:
        with api() as client:
            for pool in sorted(_pools(project)):
                try:
                    client.read_work_pool(pool)
                except ObjectNotFound:
                    hint = "run make bootstrap" if pool == project.pool_name else "create it"
                    yield f"The Prefect API has no work pool {pool!r}: {hint} first."
    except ToolError as reason:
        yield str(reason)


def _settle_leftovers(client: SyncPrefectClient, project: PrefectYaml, *, prune: bool) -> None:
    """Name the deployments that the file has no longer, or remove them."""
    meant = {(each.flow_name, each.name) for each in project.deployments}
    pools = _pools(project)
    elsewhere: dict[str, list[str]] = {}
    for deployment in list(_of_the_package(client)):
        flow, pool = client.read_flow(deployment.flow_id).name, str(deployment.work_pool_name)
        name = f"{flow}/{deployment.name}"
        if (flow, deployment.name) in meant:
            continue
        if pool not in pools:
            elsewhere.setdefault(pool, []).append(name)
        elif prune:
            client.delete_deployment(deployment.id)
            print(f"{name}: removed, as {FILE} has it no longer")
        else:
            print(
                f"{name}: {FILE} has it no longer, and it still starts runs that are scheduled;"
                " remove it by: make deploy PRUNE=1"
            )
    for pool, names in elsewhere.items():
        print(_may_be_others(pool, names))


def _may_be_others(pool: str, names: list[str]) -> str:
    """Say in one line what a pool has that the file does not name."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (
        f"The work pool {pool!r}, which {FILE} does not name, has deployments of a package of"
        f" this name: {', '.join(names[:SHOWN])}{more}. They may be another project's; remove one"
        f" of this project by: .venv/bin/prefect deployment delete {quote(names[0])}"
    )


def _of_the_package(client: SyncPrefectClient) -> Iterator[DeploymentResponse]:
    """Go through the deployments in a pool whose flow is in a package of this project's name."""
    packages = {folder.parent.name for folder in Path("src").glob("*/flows")}
    offset = 0
    while page := client.read_deployments(limit=PAGE, offset=offset):
        # Those that a program serves by itself have no pool.
        pooled = [each for each in page if each.work_pool_name]
        yield from (each for each in pooled if _package(each.entrypoint or "") in packages)
        offset += len(page)


def _package(entrypoint: str) -> str:
    """Return the package of an entrypoint, be it a path or a module."""
    path = os.path.normpath(entrypoint.split(":")[0]).replace(os.sep, "/")
    return path.split("/")[1] if path.startswith("src/") else path.split(".")[0]


def _pools(project: PrefectYaml) -> set[str]:
    """Return the pool that bootstrap makes, and those of the deployments."""
    named = (str(each.pool.get("name") or "") for each in project.deployments)
    return {project.pool_name, *named} - {""}


if __name__ == "__main__":
    sys.exit(ended(main))
