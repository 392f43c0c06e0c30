"""The single values that a file of secrets holds, for Ansible to mask in all that a module says."""

from __future__ import annotations

import re

LINE = re.compile(r'^(\w+)="((?:[^"\\]|\\.)*)"$', re.M | re.S)
# Masked wherever they are, "true" and "production" would only make a failure unreadable.
SHORTEST = 6
KNOWN = {"production", "staging", "development", "localhost", "default", "enabled", "disabled"}


def quoted_values(settings: str) -> dict[str, str]:
    """Return the values that a file for systemd has in quotes, by name."""
    return {name: re.sub(r"\\(.)", r"\1", value) for name, value in LINE.findall(settings)}


def secrets_in(settings: str, *urls: str) -> set[str]:
    """What is worth masking of the values, and of what is before an @ in URLs."""
    found = quoted_values(settings)
    values = {*found.values(), found.get("PREFECT_API_AUTH_STRING", "").partition(":")[2]}
    # What is said may have but some of its lines.
    values |= {line for value in values for line in value.splitlines()}
    values |= {part for url in [*found.values(), *urls] for part in _user_and_password(url)}
    return {v for v in values if len(v) >= SHORTEST and v.lower() not in KNOWN}


def _user_and_password(url: str) -> list[str]:
    before, at, _ = url.partition("://")[2].partition("/")[0].rpartition("@")
    return [before, before.partition(":")[2]] if at else []
