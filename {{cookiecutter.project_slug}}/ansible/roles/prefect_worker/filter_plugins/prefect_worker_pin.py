"""Which of several pins of a package a machine takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

# A library that ansible-core itself requires.
from packaging.markers import InvalidMarker, Marker

# What the role's machines have in common.
LINUX = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
}


class FilterModule:
    """Let tasks choose by markers."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"prefect_worker_pin": pin}


def pin(pins: list[dict[str, str]], host: dict[str, Any]) -> str:
    """Return the version of the pin whose marker holds on a machine; none if there are no pins."""
    version = str(host["python_version"])
    environment = {
        **LINUX,
        "implementation_version": version,
        "platform_machine": str(host["architecture"]),
        "python_full_version": version,
        "python_version": ".".join(version.split(".")[:2]),
    }
    for candidate in pins:
        if _holds(candidate["marker"], environment):
            return candidate["version"]
    if not pins:
        return ""
    markers = ", ".join(candidate["marker"] for candidate in pins)
    raise AnsibleFilterError(
        f"The project pins Prefect where {markers}, which leaves out Python {version} on "
        f"{host['architecture']}: compile its requirements for this machine, too."
    )


def _holds(marker: str, environment: dict[str, str]) -> bool:
    try:
        return not marker or Marker(marker).evaluate(environment)
    except InvalidMarker as error:
        raise AnsibleFilterError(f"The pin of Prefect has a marker that is none: {error}") from None
