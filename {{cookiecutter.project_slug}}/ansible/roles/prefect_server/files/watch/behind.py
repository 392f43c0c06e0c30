"""Ask Redis and PostgreSQL how far Prefect's services are; the unit sets the environment."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

# As Prefect's consumers name them, in the first database of Redis.
STREAM, GROUP = "events", "task-run-recorder"
# As docket has it in the second one, where Prefect's services call their docket so: when the
# scheduler runs next or, while it runs, when that was due.
SCHEDULER = "prefect:runs:schedule_deployments"
TIMEOUT = 10
UPTIME = "SELECT extract(epoch FROM now() - pg_postmaster_start_time())"


class AwayError(Exception):
    """Why nothing can be said of the services, in one sentence without a full stop."""


@dataclass(frozen=True)
class Recorder:
    """Where the recorder of task runs is in the stream of events."""

    # Another one whenever it has read or recorded something.
    position: tuple[str, ...]
    # When the oldest event came that it has not recorded; 0 if none waits.
    oldest: float

    @property
    def seconds(self) -> float:
        """How far behind it is."""
        return time.time() - self.oldest if self.oldest else 0


def recorder() -> Recorder:
    """Ask for what the recorder has not read, or has read and not recorded."""
    with _redis(0) as redis:
        found = [group for group in redis.xinfo_groups(STREAM) if group["name"] == GROUP]
        if not found:
            raise AwayError("No recorder has asked Redis for events yet")
        delivered = found[0]["last-delivered-id"]
        unread = redis.xrange(STREAM, min=f"({delivered}", count=1)
        pending = redis.xpending(STREAM, GROUP)
    waiting = [pending["min"]] if pending["pending"] else [entry for entry, _ in unread]
    position = (delivered, str(pending["pending"]), str(pending["min"]))
    return Recorder(position, int(waiting[0].split("-")[0]) / 1000 if waiting else 0)


def scheduler() -> float:
    """Return when the scheduler is due, or was when it started to run."""
    with _redis(1) as redis:
        due = redis.hget(SCHEDULER, "when")
    if not due:
        raise AwayError("No scheduler is in Redis")
    return float(due)


def uptime() -> float:
    """Return for how long PostgreSQL and Redis have been there, both of them."""
    with _redis(0) as redis:
        about = redis.info()
    # A recorder that is there can still empty it; a new one needs room first.
    if about["used_memory"] >= about["maxmemory"] > 0:
        raise AwayError("Redis is full")
    return min(float(about["uptime_in_seconds"]), float(asked(UPTIME)))


def asked(query: str) -> str:
    """Return what PostgreSQL answers, fields with | between them."""
    command = ["psql", "--no-psqlrc", "-Atc", query, os.environ["DATABASE"]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise AwayError(f"PostgreSQL does not answer within {TIMEOUT} seconds") from error
    if done.returncode:
        why = " ".join(done.stderr.split())
        raise AwayError(f"PostgreSQL does not answer as it should ({why})")
    return done.stdout.strip()


@contextmanager
def _redis(database: int) -> Iterator[Any]:
    """Yield a client, whose types say of each answer that it may be anything."""
    path, timeout = os.environ["SOCKET"], TIMEOUT
    client = Redis(
        unix_socket_path=path, db=database, socket_timeout=timeout, decode_responses=True
    )
    try:
        yield client
    except RedisError as error:
        raise AwayError(f"Redis does not answer as it should ({error})") from error
    finally:
        client.close()
