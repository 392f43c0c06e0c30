"""Flows and tasks that are methods: each object has its own."""

from copy import copy
from types import FunctionType
from typing import Any


def unshared(decorated: Any, instance: Any) -> Any:
    """Return a flow or task that is to be bound, with a function of its own.

    Prefect notes the object on the function, which all objects share: the last one would be that
    of all.
    """
    function = vars(decorated)["fn"]
    if not isinstance(function, FunctionType):
        return decorated
    if instance is None and not decorated.isclassmethod:
        return decorated
    bound = copy(decorated)
    bound.fn = _copied(function)
    return bound


def _copied(function: FunctionType) -> FunctionType:
    """Return another function that does the same."""
    arguments = (function.__name__, function.__defaults__, function.__closure__)
    copied = FunctionType(function.__code__, function.__globals__, *arguments)
    for name in ("__annotations__", "__doc__", "__kwdefaults__", "__module__", "__qualname__"):
        setattr(copied, name, getattr(function, name))
    vars(copied).update(vars(function))
    return copied
