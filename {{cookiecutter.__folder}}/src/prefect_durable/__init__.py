"""`flow` and `task` whose results survive: a retried run repeats nothing that succeeded.

This package comes from the template as it is, and `cruft update` renews it.
"""

from .batches import ItemsFailed, Outcome, batched, do_each
from .every_call import EVERY_CALL, current_key
from .results import flow, task
from .settle import Run, settle
from .storage import StorageError

__version__ = "0.1.0"

__all__ = [
    "EVERY_CALL",
    "ItemsFailed",
    "Outcome",
    "Run",
    "StorageError",
    "batched",
    "current_key",
    "do_each",
    "flow",
    "settle",
    "task",
]
