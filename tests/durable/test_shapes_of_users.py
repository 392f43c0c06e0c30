"""Shapes of values and calls that look alike to pickle or to Prefect, and are told apart."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import pytest
from prefect_durable.fingerprint import UnhashableError, fingerprint


class Rate:
    """A rate that pickle makes by a maker of its own."""

    def __init__(self, make: Any) -> None:
        """Keep the maker."""
        self.make = make

    def __reduce__(self) -> Any:
        """Return the maker, without arguments."""
        return self.make, ()


class Tags(set[str]):
    """A set of a user's own."""


def cached(value: Any) -> Callable[[], Any]:
    """Make a function that caches a value."""

    @lru_cache
    def load() -> Any:
        return value

    return load


@pytest.mark.parametrize(
    "make",
    [
        lambda value: Rate(partial(str, value)),
        lambda value: Rate(str(value).upper),
        lambda value: Rate(cached(value)),
        cached,
        lambda value: {value: 1}.get,
        lambda value: 10 ** (5000 + value),
        lambda value: (10 ** (5000 + value),),
        lambda value: Tags(str(value)),
    ],
    ids=[
        "partial-in-reduce",
        "method-in-reduce",
        "function-in-reduce",
        "lru-cache",
        "method-of-a-dict",
        "huge-int",
        "huge-int-in-a-tuple",
        "set-of-a-users-own",
    ],
)
def test_values_are_told_apart_by_all_that_makes_them(make: Callable[[int], Any]) -> None:
    assert fingerprint(make(1)) == fingerprint(make(1))
    assert fingerprint(make(1)) != fingerprint(make(2))


def test_a_name_that_leads_elsewhere_is_refused() -> None:
    class Named:
        def __reduce__(self) -> str:
            return "Named"

    with pytest.raises(UnhashableError, match=r"a .*Named"):
        fingerprint(Named())
