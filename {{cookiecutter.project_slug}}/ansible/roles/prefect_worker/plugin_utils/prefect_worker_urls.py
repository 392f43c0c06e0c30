"""Checks of URLs."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from prefect_worker_texts import matching
from prefect_worker_wrong import WrongError

WEB = r"https?://[^\s/?#@]+(/[^\s?#]*)?"
WEB_WITH_USER = r"https?://[^\s/?#]+(/[^\s?#]*)?"

index_url = matching(WEB_WITH_USER, "an http or https URL without spaces or query", empty=True)
proxy = matching(WEB_WITH_USER, "an http or https URL without spaces", empty=True)


def api_url(value: str, _: dict[str, Any]) -> None:
    """Accept where a Prefect API can be."""
    if not value:
        raise WrongError(
            "is not accepted: say where the Prefect API is, as http://server:4200/api."
        )
    if not re.fullmatch(WEB, value):
        raise WrongError("is not accepted: an http or https URL without user, spaces or query.")
    if not leads_somewhere(value):
        raise WrongError("is not accepted: a host, and if need be a port from 1 to 65535.")


def leads_somewhere(url: str) -> bool:
    """Return whether a URL has a host and no port that there cannot be."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
