"""Note the calls that have no key here, which tells calls apart that wait for them."""

from dataclasses import dataclass, field
from typing import Any

from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.context import FlowRunContext, TaskRunContext

from .attempts import attempt_of
from .awaited import awaited_by
from .fingerprint import UnhashableError, fingerprint


@dataclass(eq=False)
class Noted(CachePolicy):
    """A policy that is not `EVERY_CALL`, with a note of each call."""

    policy: CachePolicy = field(default_factory=lambda: NO_CACHE)

    @classmethod
    def like(cls, policy: CachePolicy) -> "Noted":
        """Return a policy that does what another one does."""
        how = (policy.key_storage, policy.isolation_level, policy.lock_manager)
        return policy if isinstance(policy, cls) else cls(*how, policy=policy)

    def __eq__(self, other: object) -> bool:
        """Tell whether it does what another policy does: Prefect asks so for `NO_CACHE`."""
        return self.policy == (other.policy if isinstance(other, Noted) else other)

    __hash__ = None  # type: ignore[assignment]  # as other policies

    def compute_key(
        self,
        task_ctx: TaskRunContext,
        inputs: dict[str, Any],
        flow_parameters: dict[str, Any],
        **kwargs: Any,
    ) -> str | None:
        """Return the key that the policy makes."""
        _note(task_ctx, inputs)
        return self.policy.compute_key(
            task_ctx=task_ctx, inputs=inputs, flow_parameters=flow_parameters, **kwargs
        )


def _note(task_ctx: TaskRunContext, inputs: dict[str, Any]) -> None:
    """Note what is called with what."""
    task, run, flow = task_ctx.task, task_ctx.task_run, FlowRunContext.get()
    if flow is None or flow.flow_run is None:
        return
    attempt = attempt_of(flow)
    try:
        inside = sorted(awaited_by(run))
        attempt.keyless[run.id] = fingerprint("task", task.name, task.fn, inputs, inside)
    except UnhashableError as unhashable:
        attempt.keyless[run.id] = unhashable
