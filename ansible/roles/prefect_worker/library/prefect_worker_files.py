#!/usr/bin/python
"""Write several files of root's in one round trip; the secret ones appear in no output."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS: dict[str, dict[str, Any]] = {
    "directories": {"type": "list", "elements": "dict", "default": []},
    "files": {"type": "list", "elements": "dict", "default": []},
    "secret_path": {"type": "path", "required": True},
    "secret_content": {"type": "str", "required": True, "no_log": True},
}


def main() -> None:
    """Bring the files to their wanted state and tell which changed."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    act = not module.check_mode
    changed = [d["path"] for d in wanted["directories"] if _directory(d, act)]
    diffs = []
    for file in wanted["files"]:
        before, after = _read(file["path"]), file["content"].encode()
        if _file(file["path"], after, int(file["mode"], 8), act):
            changed.append(file["path"])
            diffs.append(_diff(file["path"], before, after, file.get("long", False)))
    if _file(wanted["secret_path"], wanted["secret_content"].encode(), 0o600, act):
        changed.append(wanted["secret_path"])
        diffs.append({"prepared": f"{wanted['secret_path']} changes (secret, not shown)\n"})
    module.exit_json(changed=bool(changed), paths=changed, diff=diffs)


def _directory(wanted: dict[str, str], act: bool) -> bool:
    path, mode = Path(wanted["path"]), int(wanted["mode"], 8)
    right = path.is_dir() and _has(path, mode)
    if not right and act:
        path.mkdir(parents=True, exist_ok=True)
        _give(path, mode)
    return not right


def _file(path: str, content: bytes, mode: int, act: bool) -> bool:
    """Whether the file was not as wanted; a file without content is one that is not wanted."""
    if not content:
        right = not os.path.lexists(path)
    else:
        right = _read(path) == content and _has(Path(path), mode)
    if not right and act:
        _replace(Path(path), content, mode) if content else Path(path).unlink()
    return not right


def _has(path: Path, mode: int) -> bool:
    found = path.stat()
    return (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (mode, 0, 0)


def _give(path: Path, mode: int) -> None:
    os.chown(path, 0, 0)
    path.chmod(mode)


def _read(path: str) -> bytes | None:
    return Path(path).read_bytes() if Path(path).is_file() else None


def _replace(path: Path, content: bytes, mode: int) -> None:
    """The new file takes the old one's place at once, and is never readable too widely."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    _give(Path(temporary), mode)
    Path(temporary).replace(path)


def _diff(path: str, before: bytes | None, after: bytes, long: bool) -> dict[str, str]:
    if long:
        return {"prepared": f"{path} changes (long, not shown)\n"}
    return {
        "before_header": path,
        "after_header": path,
        "before": (before or b"").decode(errors="replace"),
        "after": after.decode(),
    }


if __name__ == "__main__":
    main()
