"""What nobody may see, and how to look for it."""

from __future__ import annotations

import base64

from tests.hosts.control.site import PASSWORD, SSH_WORD, WORD, Site


def secrets_of(site: Site) -> list[str]:
    """Return the secrets of a site's workers, also as HTTP writes them."""
    auth = site.server.auth_string
    return [
        PASSWORD,
        WORD,
        SSH_WORD,
        auth.partition(":")[2],
        base64.b64encode(auth.encode()).decode(),
    ]


def assert_hidden(secrets: list[str], text: str) -> None:
    """Complain with the place, not with the whole text."""
    assert text
    for secret in secrets:
        at = text.find(secret)
        assert at < 0, f"{secret} is in …{text[max(0, at - 300) : at + 50]}"
