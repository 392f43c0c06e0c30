#!/usr/bin/python
"""On the control node: encrypt a backup to a machine, or only see whether a key opens it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    # The owner's private key, which stays here; none for a file that was decrypted by hand.
    "key": {"type": "path", "default": "", "no_log": False},
    # Both empty: the file is only read to its end.
    "recipient": {"type": "str", "default": ""},
    "to": {"type": "path", "default": ""},
}
ENCRYPTED = b"age-encryption.org/"


def main() -> None:
    """Let what is decrypted go from one program to the next, and to no disk."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    path = Path(wanted["path"])
    if not path.is_file():
        module.fail_json(msg=f"from={path} is no file on this computer: name a backup.")
    if not module.get_bin_path("age"):
        module.fail_json(msg="There is no age on this computer: install it (apt install age).")
    with path.open("rb") as file:
        is_encrypted = file.read(len(ENCRYPTED)) == ENCRYPTED
    if is_encrypted and not Path(wanted["key"]).is_file():
        module.fail_json(msg=f"key={wanted['key']} is no file: name your private key for {path}.")
    decrypt = ["age", "--decrypt", "--identity", wanted["key"], str(path)]
    if reason := _pass(decrypt if is_encrypted else ["cat", str(path)], wanted):
        module.fail_json(msg=f"{path} cannot be opened with key={wanted['key']}: {reason}")
    module.exit_json(changed=bool(wanted["to"]))


def _pass(decrypt: list[str], wanted: dict[str, Any]) -> str:
    """Return what is wrong, if anything."""
    encrypt = ["age", "--encrypt", "--recipient", wanted["recipient"], "--output", wanted["to"]]
    # Readable by its owner alone, although it is encrypted.
    os.umask(0o077)
    with subprocess.Popen(decrypt, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as opened:
        sink = encrypt if wanted["to"] else ["dd", "of=/dev/null", "bs=1M", "status=none"]
        passed = subprocess.run(sink, stdin=opened.stdout, capture_output=True, check=False)
        wrong = opened.stderr.read() if opened.stderr else b""
    if opened.returncode or passed.returncode:
        # Its second line asks for reports of errors.
        return (wrong or passed.stderr).decode().partition("\n")[0]
    return ""


if __name__ == "__main__":
    main()
