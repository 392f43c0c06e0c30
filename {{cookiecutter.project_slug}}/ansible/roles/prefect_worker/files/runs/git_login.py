"""Give git the credentials of a clone by its environment, and never by a command line.

Prefect has them in the URL that it clones: all users of a machine see the command lines of its
processes, and the clone's configuration has the URL for as long as the clone is there.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote, urlsplit

from prefect.runner import storage

_ITS: Any = storage
# What git runs where a server asks for credentials; the command line has the names alone.
HELPER = (
    '!f() { test "$1" = get || return 0; '
    'printf "username=%s\\npassword=%s\\n" "$RUN_GIT_USERNAME" "$RUN_GIT_PASSWORD"; }; f'
)
_login: ContextVar[_Login | None] = ContextVar("_login", default=None)


def install() -> None:
    """Wrap how Prefect pulls a repository, and how it starts git meanwhile."""
    try:
        repository, start = _ITS.GitRepository, _ITS.run_process
        pull = repository.pull_code
        _ = repository._git_config, repository._repository_url_with_credentials
    except AttributeError as error:
        print(f"Clones have their token in command lines: {error}.", file=sys.stderr, flush=True)
        return
    repository.pull_code = _pull(pull)
    _ITS.run_process = _start(start)


class _Login:
    """The credentials of one host, as they are in URLs: `name:password`, or a token alone."""

    def __init__(self, base: str, in_urls: str) -> None:
        """Take the URL of the host without them, and them."""
        self._base = base
        self._in_urls = f"{in_urls}@"
        name, _, password = in_urls.partition(":")
        self._name, self._password = unquote(name), unquote(password)

    def without(self, command: Sequence[str]) -> list[str]:
        """Return a command with URLs that have no credentials."""
        return [each.replace(f"://{self._in_urls}", "://") for each in command]

    def environment(self, given: dict[str, str]) -> dict[str, str]:
        """Return an environment with which git answers this host, and no other."""
        key = f"credential.{self._base}"
        settings = [(f"{key}.username", self._name), (f"{key}.helper", HELPER)]
        if self._password:
            # As with a password in the URL, no other helper is asked or told.
            settings.insert(1, (f"{key}.helper", ""))
        count = int(given.get("GIT_CONFIG_COUNT") or 0)
        environment = {**given, "GIT_CONFIG_COUNT": str(count + len(settings))}
        for number, (name, value) in enumerate(settings, count):
            environment[f"GIT_CONFIG_KEY_{number}"] = name
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        return {
            **environment,
            "RUN_GIT_USERNAME": self._name,
            "RUN_GIT_PASSWORD": self._password,
        }


def _of(repository: Any) -> _Login | None:
    """Return what Prefect would have in URLs; None where that is nothing, or is refused."""
    try:
        url = urlsplit(repository._url)
        told = [*repository._git_config, repository._repository_url_with_credentials]
    except Exception:
        # Prefect raises it again, and says what is wrong with the credentials.
        return None
    found = re.search(r"https?://([^/\s]+)@", " ".join(told))
    if not found or "\n" in unquote(found[1]):
        return None
    return _Login(f"{url.scheme}://{url.netloc.rpartition('@')[2]}", found[1])


def _pull(pull: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def pull_code(repository: Any) -> None:
        before = _login.set(_of(repository))
        try:
            await pull(repository)
        finally:
            _login.reset(before)

    return pull_code


def _start(start: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def run_process(command: Any, *args: Any, **options: Any) -> Any:
        if login := _login.get():
            command = login.without(command)
            options["env"] = login.environment(dict(options.get("env") or os.environ))
        return await start(command, *args, **options)

    return run_process
