"""Results in the storage, read and written without guessing.

Prefect takes a result that it cannot read for one that is not there, and does the work again. And
when it cannot write one, it logs that and goes on. Here both raise `StorageError`.
"""

from contextlib import closing, suppress
from typing import Any

from prefect.logging import get_run_logger
from prefect.results import ResultRecord, ResultStore

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
    if content is None:  # Redis has no error for what is not there
        return None
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
    if isinstance(error, FileNotFoundError):
        return True  # whatever fsspec reads
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
