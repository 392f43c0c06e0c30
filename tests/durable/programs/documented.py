"""What may run again in a retry although it had succeeded: kind by kind, with the reason.

The README of a project says the same to users. What is not in here must be executed once.
"""

from __future__ import annotations

DOCUMENTED = {
    "no cache": "cache_policy=NO_CACHE keeps no result",
    "no policy": "cache_policy=None keeps no result",
    "not persisted": "persist_result=False keeps no result",
    "transaction": "a transaction that fails keeps nothing of what was in it",
    "delay": "a task worker, which knows no flow, executes it",
    "bare threads": "a thread without the flow's context is not part of its flow run",
    "generator item": "the body of a generator task runs again",
    "changed argument": "an argument is another one than in the attempt before",
    "equal calls": "an argument has results of equal calls, which may change places",
}
