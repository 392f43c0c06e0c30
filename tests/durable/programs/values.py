"""Values that random programs pass around, and what is equal of them in every process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True)
class Order:
    """An argument with a set inside."""

    content: Any
    tags: frozenset[str] = frozenset({"harbour", "station", "market", "mill"})


class Shop(BaseModel):
    """Another one."""

    content: Any
    tags: set[str] = {"harbour", "station", "market", "mill"}


@dataclass(frozen=True)
class Receipt:
    """What a call returns that returns something else each time."""

    text: str
    number: str


def canonical(found: Any) -> str:
    """Return a text that is equal for equal values in every process."""
    if isinstance(found, Receipt):
        return f"Receipt({found.text})"
    if isinstance(found, BaseModel):
        return f"{type(found).__name__}{canonical(dict(found))}"
    if is_dataclass(found):
        inner = {entry.name: getattr(found, entry.name) for entry in fields(found)}
        return f"{type(found).__name__}{canonical(inner)}"
    if isinstance(found, dict):
        return (
            f"{{{', '.join(sorted(f'{canonical(k)}: {canonical(v)}' for k, v in found.items()))}}}"
        )
    if isinstance(found, set | frozenset):
        return f"<{', '.join(sorted(map(canonical, found)))}>"
    if isinstance(found, list | tuple):
        return f"[{', '.join(map(canonical, found))}]"
    return repr(found)


def digest(*what: Any) -> str:
    """Return a short name for values."""
    return hashlib.sha256(repr(what).encode()).hexdigest()[:6]


def receipts(found: Any) -> list[tuple[str, str]]:
    """Return the receipts in a result."""
    if isinstance(found, Receipt):
        return [(found.text, found.number)]
    if isinstance(found, list | tuple):
        return [one for part in found for one in receipts(part)]
    return []


def made(kind: str, text: str, number: str) -> Any:
    """Return a value of a kind; a receipt has a number that no other one has."""
    several = [f"{text}.{part}" for part in range(3)]
    match kind:
        case "list":
            return several
        case "set":
            return set(several)
        case "model":
            return Shop(content=text)
        case "dataclass":
            return Order(text)
        case "dict":
            return {"text": text, "tags": set(several)}
        case "none":
            return None
        case "receipt":
            return Receipt(text, number)
    return text
