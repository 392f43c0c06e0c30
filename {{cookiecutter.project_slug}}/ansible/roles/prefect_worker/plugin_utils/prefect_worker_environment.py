"""Checks of environment variables, some of which the role sets itself."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from prefect_worker_texts import CONTROL_IN_LINES
from prefect_worker_wrong import Check, WrongError

RUN_ENVIRONMENT = (
    *("CREDENTIALS", "GROUPS", "LAUNCHER", "POOL"),
    *("RECORDS", "SOCKET", "UNIT", "WORKER", "WORKING_DIR"),
)
OF_WORKER = {
    "HOME": "is, for runs, the project's folder under /var/lib/prefect",
    "PREFECT_API_AUTH_STRING": "comes from prefect_worker_auth_string",
    "PREFECT_API_KEY": "comes from prefect_worker_api_key",
    "PREFECT_API_URL": "comes from prefect_worker_api_url",
    "PREFECT_HOME": "is the project's folder under /var/lib/prefect",
    "PREFECT_WORKER_QUERY_SECONDS": "comes from prefect_worker_query_seconds",
    "PREFECT_WORKER_WEBSERVER_HOST": "is always 127.0.0.1",
    "PREFECT_WORKER_WEBSERVER_PORT": "comes from prefect_worker_health_port",
    "PROJECT_DIR": "is where a run finds the files of the project",
    **{f"RUN_{name}": "is for starting flow runs" for name in RUN_ENVIRONMENT},
}


def environment(own: dict[str, str]) -> Check:
    """Accept a mapping without the names that a role sets itself."""
    return partial(_environment, own)


def _environment(own: dict[str, str], value: dict[str, Any], _: dict[str, Any]) -> None:
    for name, content in value.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(name)):
            raise WrongError(
                f"is not accepted because of the name {name!r}: letters, digits and underscores."
            )
        if name in own:
            raise WrongError(f"is not accepted: {name} {own[name]}.")
        if isinstance(content, bool) or not isinstance(content, (str, int, float)):
            raise WrongError(
                f"is not accepted because of {name}: text or a number, so put it in quotes."
            )
        if CONTROL_IN_LINES.search(str(content)):
            raise WrongError(
                f"is not accepted because of {name}: no control characters but newlines and tabs, "
                "and no noncharacters of Unicode."
            )
