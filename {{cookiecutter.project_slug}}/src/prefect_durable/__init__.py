"""`flow` and `task` whose results survive: a retried run repeats nothing that succeeded.

This package comes from the template as it is, and `cruft update` renews it.
"""

from .batches import ItemsFailed, Outcome, batched, do_each
from .calls import EVERY_CALL, call_key, current_key
from .deployments import arun_deployment, run_deployment
from .flows import flow
from .settle import Run, settle
from .storage import StorageError
from .tasks import task

__version__ = "0.2.0"

__all__ = [
    "EVERY_CALL",
    "ItemsFailed",
    "Outcome",
    "Run",
    "StorageError",
    "arun_deployment",
    "batched",
    "call_key",
    "current_key",
    "do_each",
    "flow",
    "run_deployment",
    "settle",
    "task",
]
