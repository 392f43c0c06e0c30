#!/usr/bin/python
"""Record what runs before an upgrade, or go back to it: release and revision of the database."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_server_postgres import Postgres
from ansible.module_utils.prefect_worker_atomic import UnwrittenError, link, replace
from ansible.module_utils.prefect_worker_sandboxed import run_as_worker
from ansible.module_utils.prefect_worker_secrets import secrets_in

ARGUMENTS: dict[str, dict[str, Any]] = {
    # Removed by the proof of a release.
    "record": {"type": "path", "required": True},
    "root": {"type": "path", "required": True},
    # The new one.
    "release": {"type": "str", "required": True},
    "database": {"type": "str", "required": True},
    "undo": {"type": "bool", "default": False},
    "services": {"type": "list", "elements": "str", "default": []},
    "settings": {"type": "list", "elements": "path", "default": []},
    "secrets": {"type": "path", "required": True},
    # Who owns the database.
    "user": {"type": "str", "required": True},
    "sandbox": {"type": "str", "default": ""},
}
# In the order in which they end; Redis and the proxy let clients wait.
PROGRAMS = ["prefect-services.service", "prefect-server.service", "prefect-server-migrate.service"]
# Of a large database, as its migration takes.
LONG = 12 * 3600


class StuckError(Exception):
    """Why the release before does not run again, in one sentence."""


def main() -> None:
    """Record before the first change, and what a play that was interrupted has recorded counts."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    record, postgres = Path(module.params["record"]), Postgres(module)
    try:
        if module.params["undo"]:
            before = json.loads(record.read_text())
            _go_back(module, postgres, before)
            module.exit_json(changed=True, **before)
        is_due = _is_due(record, module.params["release"])
        if is_due and not module.check_mode:
            found = _recorded(module, postgres, record)
            replace(record, json.dumps(found).encode(), 0o644)
    except (StuckError, UnwrittenError, OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=is_due)


def _is_due(record: Path, release: str) -> bool:
    """Whether the record is missing, or the release in it that migrates the database next."""
    if not record.exists():
        return True
    found = json.loads(record.read_text())
    return release not in [found["release"], *found.get("migrated_by", [])]


def _recorded(module: AnsibleModule, postgres: Postgres, record: Path) -> dict[str, Any]:
    """Return what runs, and each release that may have migrated the database since it did."""
    if record.exists():
        found = json.loads(record.read_text())
    else:
        current = Path(module.params["root"], "current").readlink().name
        found = {"release": current, "revision": _revision(module, postgres)}
    return {**found, "migrated_by": [*found.get("migrated_by", []), module.params["release"]]}


def _revision(module: AnsibleModule, postgres: Postgres) -> str:
    """Return the revision of the database; empty if no release has migrated it yet."""
    ask = ["psql", "--no-psqlrc", module.params["database"], "-Atc"]
    user = module.params["user"]
    if not postgres.run([*ask, "SELECT to_regclass('alembic_version')"], user).strip():
        return ""
    found = postgres.run([*ask, "SELECT version_num FROM alembic_version"], user).strip()
    if not re.fullmatch(r"[0-9a-z]{1,32}", found, re.ASCII):
        raise StuckError(f"The database has no revision, but {found[:40]!r}.")
    return str(found)


def _go_back(module: AnsibleModule, postgres: Postgres, before: dict[str, Any]) -> None:
    """Let the newer code migrate back what the old code would not know, then start the old one."""
    wanted = module.params
    root = Path(wanted["root"])
    if not before["revision"] or not (root / "releases" / before["release"]).is_dir():
        raise StuckError(f"There is no release to go back to: {before['release']} never ran.")
    module.run_command(["systemctl", "stop", *PROGRAMS], check_rc=True)
    if _revision(module, postgres) != before["revision"]:
        _downgrade(module, root / "releases", before)
    if (found := _revision(module, postgres)) != before["revision"]:
        raise StuckError(f"The database has revision {found} still, not {before['revision']}.")
    link(root / "current", f"releases/{before['release']}")
    for name in wanted["services"]:
        module.run_command(["systemctl", "start", name], check_rc=True)


def _downgrade(module: AnsibleModule, releases: Path, before: dict[str, Any]) -> None:
    """Let the release do it that migrated the database last, or else one that did before."""
    # Another play may have wanted another one, or the old one again.
    names = before.get("migrated_by") or [module.params["release"]]
    secrets = Path(module.params["secrets"])
    module.no_log_values.update(secrets_in(secrets.read_text()))
    settings = [*map(Path, module.params["settings"]), secrets]
    wanted = {**module.params, "overrides": "", "timeout": LONG}
    last = ""
    for release in (releases / name for name in reversed(names)):
        command = [str(release / ".venv/bin/prefect"), "server", "database"]
        command += ["downgrade", "-y", "-r", before["revision"]]
        done = run_as_worker(command, wanted, release, settings)
        if not done.returncode:
            return
        last = "\n".join(done.stdout.strip().splitlines()[-15:])
    raise StuckError(f"The database cannot be migrated back to {before['revision']}:\n{last}")


if __name__ == "__main__":
    main()
