"""`task`: Prefect's own, with which every call counts and a retry repeats none that succeeded."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar, overload

import prefect
from prefect.cache_policies import DEFAULT, NO_CACHE
from prefect.context import FlowRunContext, TaskRunContext
from prefect.utilities.annotations import NotSet
from typing_extensions import ParamSpec

from .attempts import attempt_of
from .awaited import note_awaited
from .call_store import CallStore
from .calls import EVERY_CALL, EveryCall
from .fingerprint import UnhashableError, fingerprint
from .generators import isolated, isolated_async
from .hooks import Hooks
from .methods import unshared
from .noted import Noted
from .submissions import known_submissions

P = ParamSpec("P")
R = TypeVar("R")


@overload
def task(function: Callable[P, R], /) -> "Task[P, R]": ...


@overload
def task(**options: Any) -> Callable[[Callable[P, R]], "Task[P, R]"]: ...


def task(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a task of a function; the options are Prefect's."""
    return partial(task, **options) if function is None else Task(function, **options)


class Task(prefect.Task[P, R]):
    """Prefect's task, with `EVERY_CALL` where Prefect would use its default cache policy."""

    submitted_as: str | None = None
    """The key of the submission that this is sent to another process for."""

    def __init__(self, fn: Any, *args: Any, **options: Any) -> None:
        """Make a task; the options are Prefect's."""
        super().__init__(fn, *args, **options)
        self._know_calls()

    def _know_calls(self) -> None:
        """Choose the cache policy, a key of its own for what a factory makes, and its hooks."""
        if self.cache_policy is DEFAULT and self._user_cache_policy is NotSet:
            # Prefect executes a generator in any case, so its result would be of no use.
            policy: Any = NO_CACHE if self.isgenerator else EVERY_CALL
            self.cache_policy = policy
            if self.persist_result is None:
                self.persist_result = True
        if not isinstance(self.cache_policy, EveryCall) and self.result_storage_key is None:
            noted: Any = Noted.like(self.cache_policy or NO_CACHE)
            self.cache_policy = noted
        if getattr(self.fn, "__closure__", None):
            with suppress(UnhashableError):
                self.task_key = f"{self.task_key}-{fingerprint(self.name, self.fn)[:8]}"
        # Those of its completion are called for a result that is found, too.
        self.on_failure_hooks = Hooks(self.on_failure_hooks)
        self.on_running_hooks = Hooks(self.on_running_hooks)

    if not TYPE_CHECKING:  # where the types are Prefect's

        @property
        def fn(self) -> Callable[..., Any]:
            """Return the function, or what Prefect executes in its place."""
            function: Callable[..., Any] = self.__dict__["fn"]
            running = TaskRunContext.get()
            if running is None or running.task is not self or self.isgenerator:
                return function
            store = running.result_store
            is_next = isinstance(store, CallStore) and not store.has_begun
            return _noted(function, store, self.isasync) if is_next else function

        @fn.setter
        def fn(self, function: Callable[..., Any]) -> None:
            self.__dict__["fn"] = function

        def __get__(self, instance: Any, owner: Any) -> "Task[P, R]":
            """Return the task as a method."""
            return super(Task, unshared(self, instance)).__get__(instance, owner)

        def with_options(self, **options: Any) -> "Task[P, R]":
            """Return a task with other options."""
            # What `super` makes is a task of Prefect's.
            changed = super().with_options(**options)
            changed.__class__ = type(self)
            changed._know_calls()
            return changed

        def submit(self, *args: Any, **options: Any) -> Any:
            """Submit the task; the options are Prefect's."""
            note_awaited(options.get("wait_for"))
            with known_submissions():
                return super().submit(*args, **options)

        def map(self, *args: Any, **options: Any) -> Any:
            """Submit the task for each of several arguments; the options are Prefect's."""
            note_awaited(options.get("wait_for"))
            with known_submissions():
                return super().map(*args, **options)

        def apply_async(self, *args: Any, **options: Any) -> Any:
            """Leave the task to a task worker; the options are Prefect's."""
            context = FlowRunContext.get()
            if context is None:
                return super().apply_async(*args, **options)
            reason = "a task worker executes it, which knows no flow."
            attempt_of(context).say(f"A retry repeats {self.name}: {reason}")
            # By the order of the calls, Prefect would take the run of another call for this one.
            with context.model_copy(update={"detached": True}):
                return super().apply_async(*args, **options)

        def __call__(self, *args: Any, **options: Any) -> Any:
            """Run the task; the options are Prefect's."""
            note_awaited(options.get("wait_for"))
            made = super().__call__(*args, **options)
            if not self.isgenerator:
                return made
            return isolated_async(made) if self.isasync else isolated(made)


def _noted(function: Any, store: CallStore, is_async: bool) -> Callable[..., Any]:
    """Return a function that tells the store of a call when it begins and what it returns."""

    def call(*args: Any, **kwargs: Any) -> Any:
        store.begin()
        value = function(*args, **kwargs)
        store.end(value)
        return value

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        store.begin()
        value = await function(*args, **kwargs)
        store.end(value)
        return value

    return wraps(function)(call_async if is_async else call)
