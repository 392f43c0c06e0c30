"""Say what `make provision` has made, after all that programs printed on the way.

`make provision` runs it with the file that `ansible/worker.yml` wrote the proofs of workers into.
"""

from __future__ import annotations

import sys
from pathlib import Path

from prefect.settings import get_current_settings

from .errors import without_password


def main() -> int:
    """Print what was proved of each worker, and where the page is."""
    proved = Path(sys.argv[1])
    print()
    if proved.exists():
        print(proved.read_text(encoding="utf-8").strip())
    print(_page())
    return 0


def _page() -> str:
    """Say where Prefect's page is, and how to log in."""
    settings = get_current_settings()
    if settings.api.key:
        login = "log in as you do at prefect.cloud"
    elif settings.api.auth_string:
        login = "its login is PREFECT_API_AUTH_STRING in .env"
    else:
        login = "it asks for no login"
    return f"The page is at {without_password(settings.ui_url)}; {login}."


if __name__ == "__main__":
    sys.exit(main())
