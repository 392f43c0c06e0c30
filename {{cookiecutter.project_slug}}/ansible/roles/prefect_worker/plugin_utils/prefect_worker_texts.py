"""Checks of texts: by a pattern, as one of several, each of a list."""

from __future__ import annotations

import re
from typing import Any

from prefect_worker_wrong import Check, WrongError

# What systemd takes for no characters.
NONE = r"\ud800-\udfff\ufdd0-\ufdef" + "".join(
    rf"\U{plane:04x}fffe\U{plane:04x}ffff" for plane in range(17)
)
CONTROL_IN_LINES = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f{NONE}]")
CONTROL = re.compile(rf"[\x00-\x1f\x7f{NONE}]")


def matching(pattern: str, rule: str, empty: bool = False) -> Check:
    """Accept what has this pattern; the rule is the pattern in words."""

    def check(value: Any, _: dict[str, Any]) -> None:
        if not (empty and value == "") and not re.fullmatch(pattern, value):
            raise WrongError(f"is not accepted: {rule}.")

    return check


def one_of(*choices: str) -> Check:
    """Accept these texts."""
    return matching("|".join(choices), f"one of {', '.join(choices)}")


def each(pattern: str, rule: str) -> Check:
    """Accept a list whose entries have this pattern."""

    def check(value: list[str], _: dict[str, Any]) -> None:
        for entry in value:
            if not re.fullmatch(pattern, entry):
                raise WrongError(f"is not accepted because of {entry!r}: {rule}.")

    return check
