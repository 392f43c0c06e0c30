"""Checks of the credentials of an API, and of a key for SSH."""

from __future__ import annotations

import re
from typing import Any

from prefect_worker_texts import CONTROL
from prefect_worker_wrong import WrongError


def secret(value: str, values: dict[str, Any]) -> None:
    """Accept a secret on one line, if no other one is meant for the same API."""
    if CONTROL.search(value):
        raise WrongError("is not accepted: no newlines or other control characters.")
    if values["api_key"] and values["auth_string"]:
        raise WrongError(
            "is not accepted: only one of prefect_worker_api_key (Prefect Cloud) and "
            "prefect_worker_auth_string (own server) at a time."
        )


def auth_string(value: str, values: dict[str, Any]) -> None:
    """Accept the login of a server of one's own."""
    secret(value, {**values, "api_key": ""})
    if value and not re.fullmatch(r"[^:]+:.+", value):
        raise WrongError("is not accepted: user:password.")


def ssh_key(value: str, _: dict[str, Any]) -> None:
    """Accept the content of a private key's file."""
    if value and not re.match(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n", value):
        raise WrongError(
            "is not accepted: a private key as in its file, without a passphrase, as "
            "lookup('ansible.builtin.file', '/path/to/key') reads it."
        )
