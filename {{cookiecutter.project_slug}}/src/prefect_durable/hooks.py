"""Hooks of flows and tasks: what they call is done anew in every attempt that calls them."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

_is_in_hook: ContextVar[bool] = ContextVar("is_in_hook", default=False)


def is_in_hook() -> bool:
    """Tell whether a hook is making this call."""
    return _is_in_hook.get()


class Hooks(list[Any]):
    """Hooks as Prefect has them, each of which says that it is one while it runs."""

    def __init__(self, hooks: list[Any]) -> None:
        """Take hooks, also from another one of these."""
        super().__init__(hooks[:])

    def __iter__(self) -> Iterator[Any]:
        """Go through the hooks, which Prefect does to call them."""
        return map(_noted, super().__iter__())

    def __reduce__(self) -> Any:
        """Copy the hooks as they were given."""
        return Hooks, (self[:],)


def _noted(hook: Callable[..., Any]) -> Callable[..., Any]:
    """Return a hook that says so while it runs."""

    def call(*args: Any, **options: Any) -> Any:
        with _in_hook():
            made = hook(*args, **options)
        return _awaited(made) if inspect.iscoroutine(made) else made

    async def call_async(*args: Any, **options: Any) -> Any:
        return await _awaited(hook(*args, **options))

    noted = wraps(hook)(call_async if inspect.iscoroutinefunction(hook) else call)
    if not hasattr(hook, "__name__"):
        # Prefect has the name in its logs.
        noted.__name__ = type(hook).__name__
    return noted


async def _awaited(made: Any) -> Any:
    with _in_hook():
        return await made


@contextmanager
def _in_hook() -> Iterator[None]:
    token = _is_in_hook.set(True)
    try:
        yield
    finally:
        _is_in_hook.reset(token)
