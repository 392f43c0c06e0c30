"""The attempts of flow runs in this process: the keys and the numbers of their calls."""

import os
import weakref
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.context import FlowRunContext, TaskRunContext
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.logging.loggers import flow_run_logger

from .fingerprint import UnhashableError, fingerprint


class AwaitedError(UnhashableError):
    """A call can't be told from others, because of one that it waits for; the message says why."""


Try = tuple[UUID, int]
"""A run of a task, and which try of it."""


@dataclass
class Number:
    """The number of a call among the calls that are equal to it."""

    run_id: UUID
    task_run: TaskRun | None = None
    """The run of the call, unless there is a result that the number is for."""
    tried: dict[UUID, Try] = field(default_factory=dict)
    """The tries of tasks that the call is made in, by the first run of each task."""

    def is_of_earlier_try(self, other: "Number") -> bool:
        """Tell whether a task that makes both calls is tried again: that counts its calls anew."""
        return self.tried.keys() == other.tried.keys() and self.tried != other.tried

    def is_free(self) -> bool:
        """Tell whether the call has ended without a result, and so needs no number."""
        state = self.task_run.state if self.task_run else None
        return state is not None and state.is_final() and not state.is_completed()

    def use(self) -> None:
        """Let no other call have the number."""
        self.task_run = None


@dataclass
class Attempt:
    """What is known of one attempt of a flow run in this process."""

    place: str
    flow_run: FlowRun | None = None
    begun: bool = False
    keys: dict[UUID, str] = field(default_factory=dict)
    keyless: dict[UUID, str | UnhashableError] = field(default_factory=dict)
    """What runs without a key are, by which calls that wait for them are told apart."""
    tries: Counter[UUID] = field(default_factory=Counter)
    first_runs: dict[UUID, UUID] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)
    numbers: defaultdict[tuple[str, ...], list[Number]] = field(
        default_factory=lambda: defaultdict(list)
    )
    awaited: weakref.WeakValueDictionary[UUID, PrefectFuture[Any]] = field(
        default_factory=weakref.WeakValueDictionary
    )
    """The futures that calls wait for, by their runs."""
    failed: set[UUID] = field(default_factory=set)
    """The runs whose states calls wait for, and are no success."""

    def key(self, call: str, inside: Iterable[str], number: Number) -> str:
        """Return the key of a call, for which a number of its equal calls is taken.

        A call that has failed leaves its number to the next one, as there is no result for it: so
        a call that is repeated by hand until it succeeds has the key that it has in a retry.
        """
        equal_calls = (call, self.place, *sorted(inside))
        with self.lock:
            numbers = self.numbers[equal_calls]
            index = _index(numbers, number)
            if index < len(numbers) and numbers[index].is_of_earlier_try(number):
                self.first_runs[number.run_id] = self.first_run(numbers[index].run_id)
            numbers[index : index + 1] = [number]
            self.keys[number.run_id] = fingerprint(*equal_calls, index)
            return self.keys[number.run_id]

    def try_of(self, run_id: UUID, number: int) -> dict[UUID, Try]:
        """Return which try of a task it is that makes a call."""
        return {self.first_run(run_id): (run_id, number)}

    def first_run(self, run_id: UUID) -> UUID:
        """Return the run that a task has had in the first try of the task around it."""
        return self.first_runs.get(run_id, run_id)

    def say(self, sentence: str) -> None:
        """Log a warning, once."""
        if sentence in self.said:
            return
        self.said.add(sentence)
        if FlowRunContext.get() or TaskRunContext.get() or self.flow_run is None:
            get_run_logger().warning(sentence)
        else:
            flow_run_logger(self.flow_run).warning(sentence)

    def has_failed(self, run_id: UUID) -> bool:
        """Tell whether a call that another one waits for has ended without success."""
        future = self.awaited.get(run_id)
        return run_id in self.failed or (future is not None and not future.state.is_completed())

    def has_ended(self) -> bool:
        """Tell whether the flow run goes on no longer, but for its hooks."""
        state = self.flow_run.state if self.flow_run else None
        return state is not None and (state.is_final() or state.is_cancelling())


def _index(numbers: list[Number], wanted: Number) -> int:
    """Return the number that a run has, or else the first one that it may have."""
    for index, number in enumerate(numbers):
        if number.run_id == wanted.run_id:
            return index
    for index, number in enumerate(numbers):
        if number.is_of_earlier_try(wanted) or number.is_free():
            return index
    return len(numbers)


_attempts: dict[int, Attempt] = {}


def attempt_of(flow: FlowRunContext) -> Attempt:
    """Return what is known of the attempt that a context belongs to."""
    if id(flow) not in _attempts:
        weakref.finalize(flow, _attempts.pop, id(flow), None)
        place = str(flow.flow_run.id if flow.flow_run else "")
        _attempts.setdefault(id(flow), Attempt(place, flow.flow_run))
    return _attempts[id(flow)]


def name_of(run_id: UUID) -> str:
    """Return what a call is that another one waits for, by its run.

    Raises:
        AwaitedError: it can't be told apart from others.
    """
    # What a subflow waits for may have been called by its parent.
    for attempt in list(_attempts.values()):
        name = attempt.keys.get(run_id) or attempt.keyless.get(run_id)
        if isinstance(name, UnhashableError):
            raise AwaitedError(f"is given {name}, or closes over it")
        if name:
            return name
    raise AwaitedError("is not known again")


def is_certain(run_id: UUID) -> bool:
    """Tell whether a call that is found again has the result that it had, by its run."""
    return any(run_id in attempt.keys for attempt in list(_attempts.values()))


def share_attempt(flow: FlowRunContext, copied: FlowRunContext) -> None:
    """Let a copy of a context belong to the same attempt."""
    weakref.finalize(copied, _attempts.pop, id(copied), None)
    _attempts[id(copied)] = attempt_of(flow)


def say_that_it_is_outside(name: str) -> None:
    """Say that a call in a thread of one's own is not found again, if it may be one."""
    for attempt in list(_attempts.values()):
        if not attempt.has_ended():
            attempt.say(f"A retry repeats {name}: a thread called it without the flow's context.")


def runs_that_end_this() -> list[UUID]:
    """Return the runs that, when cancelled, end this code: its own, and that of its process.

    None ends a hook. A worker calls those for a cancelled run in a process that does not run it.
    """
    context = FlowRunContext.get()
    attempts = [attempt_of(context)] if context else list(_attempts.values())
    if all(attempt.has_ended() for attempt in attempts):
        return []
    found = [context.flow_run.id] if context and context.flow_run else []
    started = os.environ.get("PREFECT__FLOW_RUN_ID")
    return [*found, UUID(started)] if started else found
