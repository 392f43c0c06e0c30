"""Checks of numbers, of memory and of shares."""

from __future__ import annotations

import re
from typing import Any

from prefect_worker_wrong import Check, WrongError


def between(low: int, high: int, zero: str = "") -> Check:
    """Accept whole numbers in these bounds, and 0 if `zero` says what that means."""

    def check(value: int, _: dict[str, Any]) -> None:
        if not low <= value <= high and not (zero and value == 0):
            raise WrongError(
                f"is not accepted: a whole number from {low} to {high}{zero and f', 0 for {zero}'}."
            )

    return check


def memory(value: str, _: dict[str, Any]) -> None:
    """Accept what systemd takes for a limit of memory, if a worker can live with it."""
    rule = "is not accepted: at least 256M, as 4G say, 1% to 100% of the machine's, or infinity."
    if value == "infinity" or re.fullmatch(r"([1-9]\d?|100)%", value):
        return
    found = re.fullmatch(r"([1-9]\d{0,15})([KMGT]?)", value)
    if not found or int(found[1]) * 1024 ** " KMGT".index(found[2] or " ") < 256 * 1024**2:
        raise WrongError(rule)


def serial(value: Any, _: dict[str, Any]) -> None:
    """Accept what Ansible takes for a number of machines."""
    if not re.fullmatch(r"[1-9]\d*%?", str(value)):
        raise WrongError("is not accepted: a number of machines, or a share like 30%.")
