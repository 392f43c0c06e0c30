"""What the worker's own files say of its API and its pool, whatever a play wants."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible.module_utils.prefect_worker_secrets import quoted_values
from ansible.module_utils.prefect_worker_units import UNITS

ENVIRONMENT_FILE = re.compile(r"^EnvironmentFile=(.+)$", re.M)
OPTION = r'^ +--{} "(.*)" \\$'
PLAIN = re.compile(r'^(\w+)=([^"\s].*)$', re.M)


def installed(unit: str) -> dict[str, Any]:
    """Return the parameters of `Api`, the pool and the worker's name there."""
    text = (UNITS / unit).read_text()
    values: dict[str, str] = {}
    for path in ENVIRONMENT_FILE.findall(text):
        values.update(_variables(Path(path)))
    authorities = values.get("PREFECT_API_SSL_CERT_FILE") or values.get("SSL_CERT_FILE")
    return {
        "api_url": values.get("PREFECT_API_URL", ""),
        "api_key": values.get("PREFECT_API_KEY", ""),
        "auth_string": values.get("PREFECT_API_AUTH_STRING", ""),
        "ca": _text(Path(authorities)) if authorities else "",
        "proxies": {name: values.get(f"{name}_proxy", "") for name in ("http", "https", "no")},
        "pool": _option(text, "pool"),
        "worker": _option(text, "name"),
    }


def _option(unit: str, name: str) -> str:
    found = re.search(OPTION.format(name), unit, re.M)
    return found[1] if found else ""


def _variables(path: Path) -> dict[str, str]:
    text = _text(path)
    return {**dict(PLAIN.findall(text)), **quoted_values(text)}


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
