"""Results in the storage, read and written without guessing.

Prefect takes a result that it cannot read for one that is not there, and does the work again. And
when it cannot write one, it logs that and goes on. Here both raise `StorageError`.
"""

import asyncio
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any, Self

from prefect.context import TaskRunContext
from prefect.logging import get_run_logger
from prefect.results import ResultRecord, ResultStore
from prefect.transactions import BaseTransaction, CommitMode, get_transaction
from pydantic import PrivateAttr

PART = 8 * 1024 * 1024
"""Bytes of an object that is read in one piece; boto3 reads a larger one in several at a time."""


class StorageError(Exception):
    """The result storage did not do what was asked of it; the message says what and why."""


def read_kept(store: ResultStore, key: str) -> "ResultRecord[Any] | None":
    """Return the result that is kept under a key, or nothing if surely none is kept there.

    A result that is damaged is none.

    Raises:
        StorageError: nobody knows, because the storage cannot be read.
    """
    try:
        content = _content(store.result_storage, key)
    except Exception as error:
        if _is_missing(error):
            return None
        raise StorageError(f"{_name(store)} cannot be read: {_reason(error)}") from None
    try:
        return ResultRecord[Any].deserialize(content, backup_serializer=store.serializer)
    except Exception as error:
        get_run_logger().warning(
            "The result that is kept under %s is damaged and not used: %s",
            key,
            _reason(error),
        )
        return None


def keep(store: ResultStore, record: "ResultRecord[Any]") -> None:
    """Write a result.

    Raises:
        StorageError: it was not written.
    """
    try:
        store.persist_result_record(record)
    except Exception as error:
        raise StorageError(f"{_name(store)} did not take the result: {_reason(error)}") from None


class CallStore(ResultStore):
    """The store of a task run, with which a result is read once, and written before the task ends.

    Prefect reads all of a result to see that it is there, and once more to have it. Here the first
    read is put where Prefect looks before the second: among the results that it holds in memory.
    Where a task asks that nothing is held there (`cache_result_in_memory=False`), Prefect's two
    reads remain. And Prefect writes after the task has succeeded, and logs that it could not.
    """

    _call_key: str = PrivateAttr(default="")
    _is_changed: Callable[[], bool] | None = PrivateAttr(default=None)

    @classmethod
    def like(cls, store: ResultStore, key: str, is_changed: Callable[[], bool]) -> Self:
        """Return such a store for a call, sharing with another store whatever that holds."""
        made = cls.model_construct(store.model_fields_set, **dict(store))
        made._call_key = key
        made._is_changed = is_changed
        return made

    @property
    def call_key(self) -> str:
        """Return the key of the call."""
        return self._call_key

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
        if transaction is None or not key == transaction.key == self._call_key:
            return record
        if self._is_changed and self._is_changed():
            transaction.write_on_commit = False
        elif transaction.write_on_commit and not _belongs_to_others(transaction):
            keep(self, record)
            # What encloses this call no longer decides on it.
            transaction.write_on_commit = False
            transaction.commit_mode = CommitMode.EAGER
        return record


def _belongs_to_others(transaction: BaseTransaction) -> bool:
    """Tell whether a result is kept together with others, or with what hooks do."""
    context = TaskRunContext.get()
    if context and (context.task.on_commit_hooks or context.task.on_rollback_hooks):
        return True
    if is_of_others(transaction.get_parent()):
        get_run_logger().info(
            "This task is in a transaction: a retry repeats it unless all of that succeeded."
        )
        return True
    return False


def is_of_others(transaction: BaseTransaction | None) -> bool:
    """Tell whether a transaction, or one around it, is not that of a task whose calls are known."""
    while transaction is not None:
        of_task = isinstance(transaction.store, CallStore)
        if not of_task and (transaction.key or not transaction.store):
            return True
        transaction = transaction.get_parent()
    return False


def has_expired(record: "ResultRecord[Any]") -> bool:
    """Tell whether a result is too old to be used."""
    return record.expiration is not None and record.expiration <= datetime.now(UTC)


def _content(storage: Any, key: str) -> Any:
    """Return what a storage has under a key."""
    if storage.get_block_type_slug() == "s3-bucket":
        # One request; the block's own `read_path` makes two, in threads that it starts each time.
        client, name = storage.credentials.get_s3_client(), storage._resolve_path(key)
        found = client.get_object(Bucket=storage.bucket_name, Key=name)
        with closing(found["Body"]) as body, suppress(Exception):
            if found["ContentLength"] <= PART:
                return body.read()
        # It is large, or the connection broke: `read_path` reads in parts, and again.
    return storage.read_path(key, _sync=True)


def _is_missing(error: Exception) -> bool:
    """Tell a result that is not there from one that cannot be read."""
    # Which library raised it depends on the storage's type; only that one is installed.
    answer: Any = getattr(error, "response", None)
    if isinstance(answer, dict) and _status(answer) == 404:
        # S3: a bucket that is not there says nothing of what was kept.
        return bool(answer.get("Error", {}).get("Code") != "NoSuchBucket")
    if getattr(error.__cause__ or error, "status_code", None) == 404:
        return True  # Azure
    if getattr(error, "code", None) == 404:
        return True  # Google
    return isinstance(error, ValueError) and "does not exist" in str(error)


def _status(answer: dict[str, Any]) -> Any:
    return answer.get("ResponseMetadata", {}).get("HTTPStatusCode")


def _name(store: ResultStore) -> str:
    """Return what the storage is called in `PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK`."""
    storage = store.result_storage
    assert storage is not None
    name = storage._block_document_name or "unnamed"
    return f"The result storage {storage.get_block_type_slug()}/{name}"


def _reason(error: BaseException) -> str:
    """Return an error in one line, with what is behind it."""
    words = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return f"{words} ({_reason(error.__cause__)})" if error.__cause__ else words
