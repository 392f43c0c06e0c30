"""What is wrong with the parameters and schedules of a deployment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from prefect import Flow
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools import ValidationError, validate
from pydantic import BaseModel
from pydantic import ValidationError as InvalidModel
from pydantic_core import to_jsonable_python

from .references import references

KINDS: dict[str, tuple[type[BaseModel], set[str]]] = {
    "cron": (CronSchedule, {"day_or", "timezone"}),
    "interval": (IntervalSchedule, {"anchor_date", "timezone"}),
    "rrule": (RRuleSchedule, {"timezone"}),
}
OPTIONS = {"active", "parameters", "slug", "replaces", "max_scheduled_runs"}


def wrong_parameters(
    flow: Flow[..., Any], parameters: dict[str, Any], *, complete: bool
) -> Iterator[str]:
    """Say what the flow would refuse; `complete` asks for those without a default, too."""
    schema = parameter_schema(flow)
    if unknown := sorted(parameters.keys() - schema.properties.keys()):
        known = ", ".join(schema.properties) or "none"
        yield f"the flow has no parameter {unknown}; its parameters: {known}"
    if complete and (missing := sorted(set(schema.required) - parameters.keys())):
        yield f"parameter {missing} has no value"
    for name, value in parameters.items():
        if name in unknown or references(value):
            continue
        # As it goes to the API: YAML has dates, JSON has not.
        sent = to_jsonable_python(value)
        try:
            validate({name: sent}, schema.model_dump(), raise_on_error=True, ignore_required=True)
        except ValidationError as error:
            yield f"parameter {name} is {value!r}: {_first_line(error)}"


def wrong_schedules(
    flow: Flow[..., Any] | None, schedules: list[Any], parameters: dict[str, Any]
) -> Iterator[str]:
    """Say which schedules would not start the flow, if that is known, and why."""
    known = list(wrong_parameters(flow, parameters, complete=False)) if flow else []
    for schedule in schedules:
        if not isinstance(schedule, dict):
            yield f"schedule {schedule!r} is no mapping with cron, interval or rrule"
            continue
        yield from _wrong_schedule(schedule)
        if flow and schedule.get("active", True):
            given = {**parameters, **(schedule.get("parameters") or {})}
            for problem in wrong_parameters(flow, given, complete=True):
                if problem not in known:
                    yield f"a schedule starts it, and {problem}"


def _wrong_schedule(schedule: dict[str, Any]) -> Iterator[str]:
    kinds = [kind for kind in KINDS if schedule.get(kind)]
    if len(kinds) != 1:
        yield f"schedule {schedule!r} needs one of {', '.join(KINDS)}"
        return
    (kind,) = kinds
    model, options = KINDS[kind]
    if unknown := sorted(schedule.keys() - options - OPTIONS - {kind}):
        allowed = ", ".join(sorted(options | OPTIONS))
        yield f"a schedule with {kind} has no option {unknown}; its options: {allowed}"
    given = {name: schedule[name] for name in (kind, *options) if schedule.get(name) is not None}
    if references(list(given.values())):
        return
    if kind == "interval" and isinstance(given[kind], int | float):
        given[kind] = timedelta(seconds=given[kind])
    try:
        model(**given)
    except InvalidModel as invalid:
        for error in invalid.errors():
            field = ".".join(str(part) for part in error["loc"]) or kind
            yield f"{field} is {error['input']!r}: {error['msg'].removeprefix('Value error, ')}"


def _first_line(error: Exception) -> str:
    """Return Prefect's reason without its lead and its paths."""
    text = str(error).splitlines()[0].removeprefix("Validation failed")
    return text.partition("Failure reason: ")[2] or text
