"""The store of the results of calls."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

from prefect.client.schemas.objects import TaskRun
from prefect.context import TaskRunContext
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.results import ResultRecord, ResultStore
from prefect.transactions import BaseTransaction, CommitMode, get_transaction
from pydantic import PrivateAttr

from .attempts import Attempt, Number
from .returned import CHANGED, has_failed, why_repeated
from .serializers import gives_back, in_words
from .storage import keep, read_kept


@dataclass
class Call:
    """A call of a task, with the key that its result is kept under."""

    name: str
    key: str
    number: Number
    attempt: Attempt | None = None
    is_changed: Callable[[], bool] = lambda: False

    def say_why(self, reason: str) -> None:
        """Say in the log of the flow run why a retry repeats the call."""
        if self.attempt:
            self.attempt.say(f"A retry repeats {self.name}: {reason}")


class CallStore(ResultStore):
    """The store of a task run, with which a result is read once, and written before the task ends.

    Prefect reads all of a result to see that it is there, and once more to have it. Here the first
    read is put where Prefect looks before the second: among the results that it holds in memory.
    Where a task asks that nothing is held there (`cache_result_in_memory=False`), Prefect's two
    reads remain. And Prefect writes after the task has succeeded, and logs that it could not.
    """

    _call: Call = PrivateAttr()
    _is_enclosed: bool = PrivateAttr(default=False)
    _has_begun: bool = PrivateAttr(default=False)
    _has_failed: bool = PrivateAttr(default=False)
    _why_repeated: str = PrivateAttr(default="")

    @classmethod
    def like(cls, store: ResultStore, call: Call) -> Self:
        """Return such a store for a call, sharing with another store whatever that holds."""
        made = cls.model_construct(store.model_fields_set, **dict(store))
        made._call = call
        # The transaction of the call has not begun, so this is the one around it.
        made._is_enclosed = is_of_others(get_transaction())
        return made

    @property
    def is_enclosed(self) -> bool:
        """Tell whether the call is in a transaction, with which its result is kept."""
        return self._is_enclosed

    @property
    def call_key(self) -> str:
        """Return the key of the call."""
        return self._call.key

    def is_of(self, task_run: TaskRun) -> bool:
        """Tell whether a task run is the call, and not one inside it that has no key of its own."""
        return self._call.number.run_id == task_run.id

    @property
    def has_begun(self) -> bool:
        """Tell whether the function of the call is executed."""
        return self._has_begun

    def begin(self) -> None:
        """Note that the function of the call is executed now."""
        self._has_begun = True

    def end(self, value: Any) -> None:
        """Note what the function of the call returned; a state that is no success is no result.

        Raises:
            TypeError: it is futures, with which a retry could not do anything.
        """
        several = isinstance(value, list | tuple | set | frozenset)
        if any(isinstance(one, PrefectFuture) for one in (value if several else [value])):
            raise TypeError(
                f"Task {self._call.name} returns futures, which no retry can use:"
                " return their results."
            )
        self._has_failed = has_failed(value)
        self._why_repeated = why_repeated(value)

    def _exists(self, key: str) -> bool:
        """Tell whether there is a result that can be used, and hold it."""
        if self.metadata_storage is not None or self.result_storage is None:
            return super()._exists(key)
        record = read_kept(self, key)
        if record is None or has_expired(record):
            return False
        if self.cache_result_in_memory:
            record.mark_persisted()
            self.cache[self._resolved_key_path(key)] = record
        if key == self._call.key:
            self._call.number.use()
        return True

    async def _aexists(self, key: str) -> bool:
        """Tell the same, without keeping others waiting."""
        return await asyncio.to_thread(self._exists, key)

    def create_result_record(
        self, obj: Any, key: str | None = None, expiration: Any = None
    ) -> "ResultRecord[Any]":
        """Return the record of a result; that of the call is written, unless Prefect must do it."""
        record = super().create_result_record(obj, key, expiration)
        transaction = get_transaction()
        if transaction is None or not key == transaction.key == self._call.key:
            return record
        if self._has_failed:
            if transaction.write_on_commit:  # Prefect writes all but failures under the key
                record = super().create_result_record(obj, uuid4().hex, expiration)
                keep(self, record)
                transaction.write_on_commit = False
            return record
        self._call.number.use()
        if transaction.write_on_commit and not self._stands_for_the_call(record):
            transaction.write_on_commit = False
        elif transaction.write_on_commit and self._is_enclosed:
            get_run_logger().info(
                "This task is in a transaction: a retry repeats it unless all of that succeeded."
            )
        elif transaction.write_on_commit and not _has_hooks():
            keep(self, record)
            # What encloses this call no longer decides on it.
            transaction.write_on_commit = False
            transaction.commit_mode = CommitMode.EAGER
        return record

    def _stands_for_the_call(self, record: "ResultRecord[Any]") -> bool:
        """Tell whether a retry that uses the result does what the call did."""
        if self._call.is_changed():
            self._call.say_why(CHANGED)
            return False
        if self._why_repeated:
            self._call.say_why(self._why_repeated)
            return False
        if not gives_back(self.serializer, record.result):
            self._call.say_why(in_words(record.result))
            return False
        return True


def is_of_others(transaction: BaseTransaction | None) -> bool:
    """Tell whether a transaction, or one around it, is not that of a task whose calls are known."""
    while transaction is not None:
        if (
            isinstance(transaction.store, CallStore)
            and transaction.key == transaction.store.call_key
        ):
            return transaction.store.is_enclosed
        parent = transaction.get_parent()
        # Prefect takes one that has ended for its own parent.
        if transaction.key or not transaction.store or parent is transaction:
            return True
        transaction = parent
    return False


def _has_hooks() -> bool:
    """Tell whether a result is kept together with what hooks do."""
    context = TaskRunContext.get()
    return bool(context and (context.task.on_commit_hooks or context.task.on_rollback_hooks))


def has_expired(record: "ResultRecord[Any]") -> bool:
    """Tell whether a result is too old to be used."""
    return record.expiration is not None and record.expiration <= datetime.now(UTC)
