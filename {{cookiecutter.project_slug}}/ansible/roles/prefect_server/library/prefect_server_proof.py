#!/usr/bin/python
"""Prove the server: ready, closed without a login, its record complete, its proxy trusted.

All by addresses of the machine itself, since its own name may not lead back to it.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_api import CERTIFICATES, Api, ApiError
from ansible.module_utils.prefect_worker_atomic import UnwrittenError, replace
from ansible.module_utils.prefect_worker_fitness import output_of
from ansible.module_utils.prefect_worker_sandboxed import run_as_worker
from ansible.module_utils.prefect_worker_secrets import quoted_values, secrets_in

ARGUMENTS: dict[str, dict[str, Any]] = {
    # By which others reach it, and how it is reached here.
    "url": {"type": "str", "required": True},
    "local_url": {"type": "str", "required": True},
    "is_proxied": {"type": "bool", "required": True},
    "config": {"type": "path", "required": True},
    "secrets": {"type": "path", "required": True},
    # Where Caddy has its own authority, and who may read it; empty without one.
    "authority": {"type": "path", "default": ""},
    "proxy_user": {"type": "str", "required": True},
    "root": {"type": "path", "required": True},
    "release": {"type": "str", "required": True},
    "user": {"type": "str", "required": True},
    "sandbox": {"type": "str", "required": True},
    "timeout": {"type": "int", "required": True},
}
AUTHORITY = {
    "root.crt": CERTIFICATES,
    "root.key": re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.+?-----END \1-----", re.S),
}
TASKS = 5
PAUSE = 0.5
HTTPS = 443


class UnprovedError(Exception):
    """What the server does not do."""


def main() -> None:
    """Say in one line what holds; run a flow only if something has changed since the last proof."""
    module = AnsibleModule(ARGUMENTS)
    wanted = module.params
    secrets = Path(wanted["secrets"]).read_text()
    module.no_log_values.update(secrets_in(secrets))
    proved = Path(wanted["config"], "proved")
    due = not proved.exists() or proved.read_text() != wanted["release"]
    deadline = time.monotonic() + wanted["timeout"]
    try:
        authority = _authority(wanted, deadline)
        sentence = _prove(wanted, secrets, authority, due, deadline)
        if due:
            replace(proved, wanted["release"].encode(), 0o644)
        # Whatever an upgrade had to go back to is not gone back to any more.
        Path(wanted["config"], "upgrade.json").unlink(missing_ok=True)
    except (UnprovedError, UnwrittenError) as failure:
        module.fail_json(msg=f"The server is not proved: {failure}\n{_last_lines()}")
    module.exit_json(changed=False, sentence=sentence, authority=authority)


def _prove(wanted: dict[str, Any], secrets: str, authority: str, due: bool, deadline: float) -> str:
    common = {"api_url": f"{wanted['local_url']}/api", "api_key": "", "ca": "", "proxies": {}}
    login = quoted_values(secrets)["PREFECT_API_AUTH_STRING"]
    stranger = Api({**common, "auth_string": ""})
    _wait(lambda: stranger.get("/ready") is not None, deadline, "it does not become ready")
    _require_closed(stranger)
    api = Api({**common, "auth_string": login})
    version = _wait(lambda: api.get("/admin/version"), deadline, "it does not accept its login")
    if wanted["is_proxied"]:
        _wait(lambda: _proxy_answers(wanted["url"], authority), deadline, "its proxy fails")
    told = f"Prefect {version} at {wanted['url']} is ready and asks for a login"
    if not due:
        return f"{told}."
    recorded = _recorded(wanted, api, deadline)
    return f"{told}; a flow run COMPLETED, and all {recorded} task runs of it are recorded."


def _authority(wanted: dict[str, Any], deadline: float) -> str:
    """Copy Caddy's root to where clients find it, and with its key to where backups do."""
    if not wanted["authority"]:
        return ""
    found = {}
    for name, pattern in AUTHORITY.items():
        question = partial(_in_caddy, wanted, name, pattern)
        found[name] = _wait(question, deadline, f"Caddy's {name} cannot be read")
    for name, content in found.items():
        _keep(Path(wanted["config"], "authority", name), content, 0o600)
    return str(found["root.crt"])


def _in_caddy(wanted: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    """Return what is to be found in one of Caddy's files, or nothing."""
    # Read by its owner: what an unprivileged user can make a link of is not for root to open.
    path = f"{wanted['authority']}/{name}"
    found = pattern.search(output_of("runuser", "--user", wanted["proxy_user"], "--", "cat", path))
    return f"{found[0]}\n" if found else ""


def _keep(path: Path, content: str, mode: int) -> None:
    if not path.exists() or path.read_text() != content:
        replace(path, content.encode(), mode)


def _wait(question: Any, deadline: float, otherwise: str) -> Any:
    """Return the first answer; errors on the way are told if there is none in time."""
    while True:
        why = ""
        try:
            if answer := question():
                return answer
        except (ApiError, OSError, http.client.HTTPException) as error:
            why = f": {error}"
        if time.monotonic() > deadline:
            raise UnprovedError(f"{otherwise}{why}")
        time.sleep(PAUSE)


def _proxy_answers(url: str, authority: str) -> bool:
    """Whether a client that trusts the authority is answered under the server's name."""
    host = urlsplit(url).hostname or ""
    context = ssl.create_default_context(cadata=authority or None)
    with (
        socket.create_connection(("127.0.0.1", HTTPS), timeout=15) as plain,
        context.wrap_socket(plain, server_hostname=host) as encrypted,
    ):
        connection = http.client.HTTPConnection(host)
        connection.sock = encrypted
        connection.request("GET", "/api/health")
        return connection.getresponse().status == http.client.OK


def _require_closed(stranger: Api) -> None:
    try:
        stranger.get("/admin/version")
    except ApiError as error:
        if error.status == 401:
            return
        raise UnprovedError(str(error)) from error
    raise UnprovedError("it answers without a login.")


def _recorded(wanted: dict[str, Any], api: Api, deadline: float) -> int:
    """Return how many task runs of a flow run are in the record, when all are."""
    release = Path(wanted["root"], "releases", wanted["release"])
    settings = [Path(wanted["config"], "client.env"), Path(wanted["secrets"])]
    python, program = release / ".venv/bin/python", release / ".prefect_worker/proof.py"
    done = run_as_worker(
        [str(python), str(program), str(TASKS)], {**wanted, "overrides": ""}, release, settings
    )
    found = re.search(r"^run=([0-9a-f-]{36})$", done.stdout, re.M)
    if done.returncode or not found:
        last = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise UnprovedError(f"a flow run does not complete (status {done.returncode}).\n{last}")
    run = api.get(f"/flow_runs/{found[1]}")
    wish = {
        "flow_runs": {"id": {"any_": [found[1]]}},
        "task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    _wait(
        lambda: api.post("/task_runs/count", wish) == TASKS,
        deadline,
        f"not all of the {TASKS} task runs of a flow run that {run['state']['name']} are recorded",
    )
    api.request("DELETE", f"/flow_runs/{found[1]}")
    api.request("DELETE", f"/flows/{run['flow_id']}")
    return TASKS


def _last_lines() -> str:
    shown = [f"--unit=prefect-{name}" for name in ("server", "services", "server-migrate")]
    said = output_of("journalctl", "--no-pager", "--output=short", "--lines=20", *shown)
    return f"The last lines of its journal:\n{said}"


if __name__ == "__main__":
    main()
