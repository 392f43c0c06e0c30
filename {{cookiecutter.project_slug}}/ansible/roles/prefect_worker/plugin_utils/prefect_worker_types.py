"""The types of variables, by the names that a role's argument_specs.yml has for them."""

from __future__ import annotations

import re
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from prefect_worker_wrong import WrongError


def converted(value: Any, kind: str, found: str) -> Any:
    """Return the value in its type; `found` ends the sentence about one that has another."""
    if kind in ("str", "path"):
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return str(value)
        raise WrongError(f"has to be text{found}.")
    if kind == "int":
        if not isinstance(value, bool) and re.fullmatch(r"-?\d{1,9}", str(value).strip()):
            return int(value)
        raise WrongError(f"has to be a whole number{found}.")
    if kind == "bool":
        try:
            return boolean(value)
        except TypeError:
            raise WrongError(f"has to be true or false{found}.") from None
    if kind == "list" and not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
        raise WrongError(f"has to be a list of texts{found}.")
    if kind == "dict" and not isinstance(value, dict):
        raise WrongError(f"has to be a mapping of names to values{found}.")
    return value
