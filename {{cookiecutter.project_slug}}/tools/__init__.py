"""What a developer's machine does for the project; nothing here runs where flows run.

This package comes from the template as it is, and `cruft update` renews it.
"""

import os
import sys
from types import TracebackType
from urllib.parse import urlsplit

from .errors import without_password


def _refuse_what_is_no_address(url: str) -> None:
    try:
        # A port is read only when it is asked for.
        _ = urlsplit(url).port
    except ValueError as error:
        shown = without_password(url)
        sys.exit(f"PREFECT_API_URL is {shown!r}, which is no address of an API: {error}.")


def _say_interrupted(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Show an error that ends a tool; Ctrl-C is none, and Python then ends by that signal."""
    if issubclass(kind, KeyboardInterrupt):
        print("Interrupted.", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


# Before Prefect is imported, which takes seconds.
sys.excepthook = _say_interrupted

# Prefect reads its settings when it is imported, and shows a traceback.
_refuse_what_is_no_address(os.environ.get("PREFECT_API_URL", ""))
