"""The small files at the beginning of a backup, read by root with the machine's own key."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from typing import IO

NAMES = {"about.json", "secrets.env", "authority_root.crt", "authority_root.key"}
DUMP = "database.dump/"
LARGEST = 1 << 20


class BrokenError(Exception):
    """Why a backup cannot be read, in one sentence."""


def small_files(path: str, key: str) -> dict[str, bytes]:
    """Return the files before the dump, by name."""
    command = ["age", "--decrypt", "--identity", key, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as age:
        try:
            return _before_the_dump(age.stdout) if age.stdout else {}
        except tarfile.TarError as error:
            raise BrokenError(f"The backup is broken: {error}.") from error
        finally:
            age.terminate()


def version(files: dict[str, bytes]) -> tuple[int, ...]:
    """Return the version of Prefect that made the backup."""
    try:
        return numbers(json.loads(files["about.json"])["prefect"])
    except (KeyError, ValueError, TypeError) as error:
        raise BrokenError("The file is no backup of a Prefect server.") from error


def numbers(text: str) -> tuple[int, ...]:
    """Return a version that can be compared; a release candidate counts as its release."""
    found = re.match(r"\d+(\.\d+){0,2}", text)
    if not found:
        raise ValueError(text)
    return tuple(map(int, found[0].split(".")))


def _before_the_dump(stream: IO[bytes]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.name.startswith(DUMP):
                break
            if member.name in NAMES and member.isfile() and member.size <= LARGEST:
                content = archive.extractfile(member)
                found[member.name] = content.read() if content else b""
    return found
