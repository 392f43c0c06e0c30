#!/usr/bin/python
"""Read-only: whether this machine reaches the API, is let in, and finds the pool it needs."""

from __future__ import annotations

import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_api import ARGUMENTS as API_ARGUMENTS
from ansible.module_utils.prefect_worker_api import Api, ApiError, quoted

ARGUMENTS: dict[str, dict[str, Any]] = {
    **API_ARGUMENTS,
    "pool": {"type": "str", "required": True},
    "type": {"type": "str", "required": True},
    "queues": {"type": "list", "elements": "str", "default": []},
    "client": {"type": "str", "default": ""},
    "runs_wanted": {"type": "bool", "default": False},
    "deployment": {"type": "str", "default": ""},
    "clock_seconds": {"type": "int", "default": 60},
}


def main() -> None:
    """Answer with what the API is, or fail with the first reason against it."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    try:
        api = Api(wanted)
        api.get("/health")
        server = _server(api)
        _require_clock(api, wanted["clock_seconds"])
        _require_newer(server, wanted["client"])
        _require_pool(api, wanted)
        for queue in wanted["queues"]:
            _require_queue(api, wanted["pool"], queue)
        if wanted["deployment"]:
            _require_deployment(api, wanted["deployment"])
    except ApiError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, server=server)


def _server(api: Api) -> str:
    """The server's version; Prefect Cloud tells none and is always new enough."""
    try:
        return str(api.get("/admin/version"))
    except ApiError as error:
        if error.status == 404 and "/workspaces/" in api.url:
            return ""
        raise


def _require_clock(api: Api, limit: int) -> None:
    if abs(api.server_ahead) > limit:
        raise ApiError(
            f"This machine's clock is {abs(api.server_ahead):.0f} seconds "
            f"{'behind' if api.server_ahead > 0 else 'ahead of'} the API's: set it, best by NTP."
        )


def _require_newer(server: str, client: str) -> None:
    if server and client and _numbers(server) < _numbers(client):
        raise ApiError(
            f"The server is Prefect {server} and the project pins {client}: "
            "upgrade the server first, a newer worker may not understand it."
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _require_pool(api: Api, wanted: dict[str, Any]) -> None:
    name = wanted["pool"]
    try:
        pool = api.get(f"/work_pools/{quoted(name)}")
    except ApiError as error:
        if error.status == 404:
            raise ApiError(
                f"The work pool {name!r} does not exist at {api.url}: create it first "
                "(`make bootstrap` in a generated project), or correct prefect_worker_pool."
            ) from error
        raise
    if pool["type"] != wanted["type"]:
        raise ApiError(
            f"The work pool {name!r} is of type {pool['type']!r} and prefect_worker_type is "
            f"{wanted['type']!r}: correct one of them."
        )
    if pool["is_paused"] and wanted["runs_wanted"]:
        raise ApiError(
            f"The work pool {name!r} is paused, so that no run can prove the worker: "
            "resume it, or set prefect_worker_smoke_test to false."
        )


def _require_queue(api: Api, pool: str, queue: str) -> None:
    try:
        api.get(f"/work_pools/{quoted(pool)}/queues/{quoted(queue)}")
    except ApiError as error:
        if error.status == 404:
            raise ApiError(
                f"The work pool {pool!r} has no queue {queue!r}: create it first, "
                "or correct prefect_worker_queues."
            ) from error
        raise


def _require_deployment(api: Api, name: str) -> None:
    try:
        api.get("/deployments/name/" + "/".join(quoted(part) for part in name.split("/", 1)))
    except ApiError as error:
        if error.status == 404:
            raise ApiError(
                f"There is no deployment {name!r} to prove the worker with: deploy it first, "
                "or correct prefect_worker_smoke_deployment."
            ) from error
        raise


if __name__ == "__main__":
    main()
