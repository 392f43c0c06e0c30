#!/usr/bin/python
"""Write several files of root's in one round trip; the secret ones appear in no output."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_atomic import UnwrittenError, replace
from ansible.module_utils.prefect_worker_lock import alone_in
from ansible.module_utils.prefect_worker_transaction import ARGUMENT, HeldError, begin, held
from ansible.module_utils.prefect_worker_units import UNITS

SECRETS: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    # A user whose group may read it beside root, who alone writes it.
    "reader": {"type": "str", "default": "root"},
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "directories": {"type": "list", "elements": "path", "default": []},
    "files": {"type": "list", "elements": "dict", "default": []},
    "secrets": {"type": "list", "elements": "dict", "default": [], "options": SECRETS},
    # Apart from their paths: Ansible writes to the journal what is beside a secret in one argument,
    # and a secret of several lines with it.
    "secret_contents": {"type": "list", "elements": "str", "default": [], "no_log": True},
    # Begins before anything is written.
    "transaction": ARGUMENT,
}
FOLDER, PLAIN, SECRET, SHARED_SECRET = 0o755, 0o644, 0o600, 0o640


def main() -> None:
    """Bring the files to their wanted state and tell which changed."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    # Workers have to get to their files, however strict root's own habit is.
    os.umask(0o022)
    # One that was interrupted stays what it is in check mode.
    transaction = None if module.check_mode else wanted["transaction"]
    try:
        # Workers of a machine share some, and may be made at once.
        with held(transaction), alone_in(UNITS):
            _bring(module, wanted, transaction)
    except (UnwrittenError, HeldError) as error:
        module.fail_json(msg=str(error))


def _bring(
    module: AnsibleModule, wanted: dict[str, Any], transaction: dict[str, Any] | None
) -> None:
    act = not module.check_mode
    files = [{**file, "after": file["content"].encode()} for file in wanted["files"]]
    changing = [f for f in files if not _right(f["path"], f["after"], PLAIN)]
    if wrong := _objections(files, {f["path"] for f in changing}):
        module.fail_json(msg=f"systemd objects to prefect_worker_unit_overrides: {wrong}")
    secrets = [secret for secret in _secrets(wanted) if not _right_secret(secret)]
    paths = [f["path"] for f in [*changing, *secrets]]
    rewrites = paths or any(_directory(Path(d), act=False) for d in wanted["directories"])
    diffs = [_diff(file) for file in changing]
    diffs += [{"prepared": f"{s['path']} changes (secret, not shown)\n"} for s in secrets]
    if transaction and rewrites:
        begin(transaction, paths)
    changed = [d for d in wanted["directories"] if _directory(Path(d), act)] + paths
    _write_all(changing, secrets, act)
    module.exit_json(changed=bool(changed), paths=changed, diff=diffs)


def _write_all(files: list[dict[str, Any]], secrets: list[dict[str, Any]], act: bool) -> None:
    for file in files:
        _write(file["path"], file["after"], PLAIN, act)
    for secret in secrets:
        content = secret["content"].encode()
        _write(secret["path"], content, _mode(secret), act, secret["reader"])


def _secrets(wanted: dict[str, Any]) -> list[dict[str, Any]]:
    pairs = zip(wanted["secrets"], wanted["secret_contents"])
    return [{**secret, "content": content} for secret, content in pairs]


def _mode(secret: dict[str, Any]) -> int:
    return SECRET if secret["reader"] == "root" else SHARED_SECRET


def _right_secret(secret: dict[str, Any]) -> bool:
    content = secret["content"].encode()
    return _right(secret["path"], content, _mode(secret), secret["reader"])


def _objections(files: list[dict[str, Any]], changing: set[str]) -> str:
    """What systemd would only warn about, and then ignore, in units that change."""
    units = [f for f in files if UNITS in Path(f["path"]).parents and f["after"]]
    if not changing & {f["path"] for f in units}:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        for unit in units:
            place = Path(folder, Path(unit["path"]).relative_to(UNITS))
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(unit["after"])
        services = [str(path) for path in Path(folder).glob("*.service")]
        command = ["systemd-analyze", "verify", "--man=no", *services]
        told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    # A line number tells what is wrong in a file from what is not there yet.
    return "; ".join(re.findall(rf"^{re.escape(folder)}/.+?:\d+: (.+)$", told, re.M))


def _directory(path: Path, act: bool) -> bool:
    right = path.is_dir() and _has(path, FOLDER)
    if not right and act:
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, 0, 0)
        path.chmod(FOLDER)
    return not right


def _right(path: str, content: bytes, mode: int, reader: str = "root") -> bool:
    """Whether nothing is to do; a file without content is one that is not wanted."""
    if not content:
        return not os.path.lexists(path)
    return _read(path) == content and _has(Path(path), mode, reader)


def _write(path: str, content: bytes, mode: int, act: bool, reader: str = "root") -> None:
    if act and content:
        replace(Path(path), content, mode, _group(reader))
    elif act:
        Path(path).unlink()


def _has(path: Path, mode: int, reader: str = "root") -> bool:
    found = path.stat()
    return (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (mode, 0, _group(reader))


def _group(name: str) -> int:
    """Return the number of a user's group; -1, as in check mode before the user is made."""
    try:
        return pwd.getpwnam(name).pw_gid
    except KeyError:
        return -1


def _read(path: str) -> bytes | None:
    return Path(path).read_bytes() if Path(path).is_file() else None


def _diff(file: dict[str, Any]) -> dict[str, str]:
    path = file["path"]
    if file.get("long"):
        return {"prepared": f"{path} changes (long, not shown)\n"}
    return {
        "before_header": path,
        "after_header": path,
        "before": (_read(path) or b"").decode(errors="replace"),
        "after": file["after"].decode(),
    }


if __name__ == "__main__":
    main()
