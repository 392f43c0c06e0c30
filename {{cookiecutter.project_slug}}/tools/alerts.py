"""Who is told when something goes wrong: what `infrastructure/alerts.yaml` says, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect.blocks.notifications import CustomWebhookNotificationBlock
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import ToolError
from .project import read_yaml

FILE = Path("infrastructure/alerts.yaml")
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Minutes = Annotated[int, Field(ge=1, le=24 * 60)]
_SECRET = re.compile(r"\{\{\s*\$(\w+)\s*\}\}")


class Channel(BaseModel):
    """A webhook: its address, and what it is sent, with `subject` and `body` in double braces."""

    model_config = ConfigDict(extra="forbid")
    url: str
    body: dict[str, Any]
    headers: dict[str, str] | None = None


class Alert(BaseModel):
    """What has to happen, where, and which channels are told."""

    model_config = ConfigDict(extra="forbid")
    when: Literal["failed", "late", "not-ready"]
    to: Annotated[list[str], Field(min_length=1)]
    minutes: Minutes | None = None
    flows: list[str] = []
    tags: list[str] = []
    pools: list[str] = []

    @model_validator(mode="after")
    def _fits(self) -> Alert:
        if self.when != "late" and self.minutes:
            raise ValueError(f"{self.when} is told at once: leave out `minutes`")
        if self.when == "not-ready" and (self.flows or self.tags):
            raise ValueError("a pool that is not ready has neither flows nor tags")
        return self


class Alerts(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")
    channels: dict[Name, Channel] = {}
    alerts: dict[Name, Alert] = {}


def read_alerts() -> Alerts:
    """Read the file; raise ToolError where it is wrong. Without the file there are no alerts."""
    if not FILE.exists():
        return Alerts()
    try:
        found = Alerts.model_validate(read_yaml(FILE))
    except ValidationError as invalid:
        raise ToolError(_sentence(invalid)) from None
    for name, alert in found.alerts.items():
        for channel in alert.to:
            if channel not in found.channels:
                raise ToolError(
                    f"{FILE}: the alert {name} is sent to {channel!r}, which is no channel there:"
                    f" {', '.join(found.channels) or 'none is described'}."
                )
    return found


def webhook(name: str, channel: Channel, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a channel's block; raise ToolError where a secret is not set.

    What the environment gives is a secret of the block, which the API shows to nobody.
    """
    secrets: dict[str, str] = {}

    def resolved(found: re.Match[str]) -> str:
        variable = found[1]
        if not environment.get(variable):
            raise ToolError(f"{variable} is not set: the channel {name} in {FILE} needs it.")
        secrets[variable] = environment[variable]
        return "{" * 2 + variable + "}" * 2

    fields = _replaced(channel.model_dump(), resolved)
    address = _SECRET.sub(lambda found: secrets[found[1]], channel.url)
    if not re.match(r"https?://[^/\s]", address):
        raise ToolError(
            f"{FILE}: the url of the channel {name} must begin with https:// or http://,"
            f" a name and no braces but those of a variable."
        )
    block = {
        "name": name,
        "method": "POST",
        "url": fields["url"],
        "json_data": fields["body"],
        "headers": fields["headers"],
        "secrets": secrets,
    }
    try:
        CustomWebhookNotificationBlock(**block)
    except KeyError as unknown:
        raise ToolError(
            f"{FILE}: the channel {name} has double braces that name nothing, at {unknown}:"
            " subject, body, name and $VARIABLE are known."
        ) from None
    return block


def _replaced(value: Any, resolved: Any) -> Any:
    """Return a JSON value with each secret in it replaced."""
    if isinstance(value, dict):
        return {key: _replaced(item, resolved) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, resolved) for item in value]
    return _SECRET.sub(resolved, value) if isinstance(value, str) else value


def _sentence(invalid: ValidationError) -> str:
    """Return what is wrong first, without a value that may be a secret."""
    error = invalid.errors()[0]
    place = ".".join(str(part) for part in error["loc"] if part != "[key]")
    if error["type"] == "extra_forbidden":
        return f"{FILE}: {place} is not known there; docs/alerts.md says what is."
    if error["type"] == "literal_error":
        return f"{FILE}: {place} is {error['input']!r}: {error['msg']}."
    return f"{FILE}: {place}: {error['msg'].removeprefix('Value error, ')}."
