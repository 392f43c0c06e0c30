"""Arrays, which bind memory to processors."""

from __future__ import annotations


def numpy() -> str:
    """Multiply matrices, in as many threads as BLAS likes."""
    import numpy

    ones = numpy.ones((300, 300))
    return str((ones @ ones).sum())
