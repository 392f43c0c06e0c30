"""Checks that only variables of a server need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from prefect_worker_texts import CONTROL_IN_LINES, one_of
from prefect_worker_urls import leads_somewhere
from prefect_worker_wrong import WrongError


def url(value: str, values: dict[str, Any]) -> None:
    """Accept the URL of one's own proxy, where there is one."""
    if (values["tls"] == "none") != bool(value):
        raise WrongError(
            "is not accepted: with prefect_server_tls none, and only then, the https URL that your "
            "proxy has, https://prefect.example.com for example."
        )
    if value and not (re.fullmatch(r"https?://[^\s/?#@]+", value) and leads_somewhere(value)):
        raise WrongError("is not accepted: an http or https URL without user, path or query.")


def tls(value: str, values: dict[str, Any]) -> None:
    """Accept a kind of certificate that the server's address can have."""
    one_of("internal", "acme", "none")(value, values)
    if value == "acme" and re.fullmatch(r"[0-9.]+", values["address"]):
        raise WrongError("is not accepted for an address of digits: public authorities know names.")


def port(value: int, _: dict[str, Any]) -> None:
    """Accept a port of root's."""
    # Those of SSH and of the proxy.
    if not 0 < value < 1024 or value in (22, 80, 443):
        raise WrongError(
            "is not accepted: a port below 1024, which other users of the machine cannot take, "
            "and neither 22, 80 nor 443."
        )


def pins(value: str, _: dict[str, Any]) -> None:
    """Accept a file that pins what a server requires."""
    if not Path(value).is_file():
        raise WrongError("is no file on this computer.")
    text = Path(value).read_text(errors="replace")
    for name in ("prefect", "prefect-redis"):
        if not re.search(rf"^{name}==[^\s;]+ .*\\\n +--hash=", text, re.M):
            raise WrongError(
                f"does not pin {name} with hashes: compile it with `uv pip compile "
                "--generate-hashes`."
            )


def backup_command(value: str, values: dict[str, Any]) -> None:
    """Accept a command, where there are backups for it."""
    if value and not values["backup_keys"]:
        raise WrongError("is of no use: name a public key in prefect_server_backup_keys.")
    command(value, values)


def command(value: str, _: dict[str, Any]) -> None:
    """Accept a shell command."""
    if CONTROL_IN_LINES.search(value):
        raise WrongError("is not accepted: a shell command without control characters.")
