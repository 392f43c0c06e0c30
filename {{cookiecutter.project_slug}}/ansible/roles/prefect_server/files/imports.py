"""Run by a new release's own Python: exits 0 if all that a server is made of imports."""

from __future__ import annotations

import importlib

MODULES = (
    "asyncpg",
    "prefect.cli.server",
    "prefect.server.api.server",
    "prefect_redis.cleanup_queue",
    "prefect_redis.lease_storage",
    "prefect_redis.messaging",
    "prefect_redis.ordering",
)

if __name__ == "__main__":
    for name in MODULES:
        importlib.import_module(name)
