"""The login and the encryption key: which values root writes, and the file that has them."""

from __future__ import annotations

import re

from ansible.module_utils.prefect_worker_secrets import quoted_values

LOGIN = re.compile(r"[A-Za-z0-9_-]+:[A-Za-z0-9_-]+")
# As Fernet takes it.
KEY = re.compile(r"[A-Za-z0-9_-]{43}=")
ACCEPTED = {
    "PREFECT_SERVER_API_AUTH_STRING": (LOGIN, "name:password of letters, digits, - and _"),
    "PREFECT_API_AUTH_STRING": (LOGIN, "name:password of letters, digits, - and _"),
    "PREFECT_SERVER_ENCRYPTION_KEY": (KEY, "a key of Fernet's"),
}


class UnusableError(Exception):
    """What a file of secrets does not have, after its name and in words that show no value."""


def usable_values(text: str) -> dict[str, str]:
    """Return the values that a server needs, and none besides; raise UnusableError without them."""
    found = quoted_values(text)
    for name, (pattern, accepted) in ACCEPTED.items():
        if not pattern.fullmatch(found.get(name, "")):
            raise UnusableError(f"has no {name} that is {accepted}")
    if found["PREFECT_SERVER_API_AUTH_STRING"] != found["PREFECT_API_AUTH_STRING"]:
        raise UnusableError("has two logins that differ")
    return {name: found[name] for name in ACCEPTED}


def secrets_file(login: str, key: str) -> bytes:
    """Return the file that systemd reads as the environment of the server's programs."""
    values = dict(zip(ACCEPTED, (login, login, key)))
    about = "# Made once, for root alone. Each backup has it: its key opens all blocks.\n"
    return (about + "".join(f'{name}="{value}"\n' for name, value in values.items())).encode()
