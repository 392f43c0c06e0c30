"""The Prefect API that PREFECT_API_URL names, with its refusals in sentences."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.settings import get_current_settings

from .errors import ToolError, without_password

LOOPBACK = re.compile(r"https?://(localhost|127(\.\d+){3})[:/]")


@contextmanager
def api() -> Iterator[SyncPrefectClient]:
    """Open the Prefect API; raise ToolError where it does not answer or refuses."""
    url = get_current_settings().api.url
    if not url:
        raise ToolError("PREFECT_API_URL is not set: name your Prefect API there.")
    shown = without_password(url)
    try:
        with get_client(sync_client=True) as client:
            yield client
    except httpx.HTTPStatusError as error:
        if error.response.status_code in (401, 403):
            raise ToolError(f"The Prefect API at {shown} refuses the credentials.") from None
        raise ToolError(
            f"The Prefect API at {shown} answers {error.response.status_code} to"
            f" {error.request.url.path}: is that its full address, with /api?"
        ) from None
    except (httpx.TransportError, RuntimeError) as error:
        said = f"No Prefect API answers at {shown}: {without_password(error)}"
        raise ToolError(said + _advice_for_vms(shown)) from None


def _advice_for_vms(url: str) -> str:
    """Return what `make provision` says of an address that is this machine's own."""
    advice = os.environ.get("ADVICE_FOR_VMS", "")
    return f"\n{advice}" if advice and LOOPBACK.match(url) else ""
