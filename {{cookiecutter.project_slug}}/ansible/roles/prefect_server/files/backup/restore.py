"""Restore a backup into the scratch database, and decrypt its blocks.

`restore.py` tries the newest and leaves nothing of it, `restore.py FILE` leaves what it restored.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tarfile
from functools import partial
from pathlib import Path
from typing import IO

from backup import AUTHORITY, DATABASE, DUMP, KEY, SMALL, BackupError, backups, program, run, tell
from cryptography.fernet import Fernet, InvalidToken

SCRATCH = os.environ["SCRATCH"]
# Where Debian has the files of PostgreSQL.
CLUSTERS = Path("/var/lib/postgresql")
SPARE = 64 << 20
BLOCKS = "SELECT data #>> '{}' FROM block_document WHERE jsonb_typeof(data::jsonb) = 'string'"


def check() -> None:
    """Restore the newest backup beside the database and read its blocks; leave nothing of it."""
    made = backups()
    if not made:
        raise BackupError("There is no backup.")
    _require_space()
    load(made[-1])
    _empty()
    tell("last-check", f"{made[-1].name} was restored, and its blocks were read.")


def _require_space() -> None:
    """Refuse to fill the disk of the database that runs: the copy is as large, its log as well."""
    needed = 2 * int(_ask(f"SELECT pg_database_size('{DATABASE}')")) + SPARE
    free = shutil.disk_usage(CLUSTERS).free
    if free < needed:
        raise BackupError(
            f"The newest backup is not tried: beside the database, {CLUSTERS} has {free >> 20} MiB "
            f"free, and it may take {needed >> 20} MiB."
        )


def load(path: Path) -> None:
    """Restore a backup into the scratch database; one that does not open all blocks leaves none."""
    _empty()
    try:
        files = _restore(path)
        _require_whole(files)
        _read_blocks(files["secrets.env"])
    except BaseException:
        _empty()
        raise


def _require_whole(files: dict[str, bytes]) -> None:
    """Refuse a backup of which no server could be restored."""
    missing = SMALL - files.keys()
    # A proxy of the owner's has the authority.
    if missing and missing != AUTHORITY:
        raise BackupError(f"The backup has no {', '.join(sorted(missing))}.")


def _restore(path: Path) -> dict[str, bytes]:
    """Fill the scratch database; return the backup's small files."""
    files: dict[str, bytes] = {}
    options = ["--no-owner", "--exit-on-error", f"--dbname={SCRATCH}"]
    with (
        program(["age", "--decrypt", "--identity", KEY, str(path)], stdout=subprocess.PIPE) as age,
        program(["pg_restore", *options], stdin=subprocess.PIPE) as restore,
    ):
        assert age.stdout
        assert restore.stdin
        # Whatever ended early is told by its status.
        with contextlib.suppress(BrokenPipeError):
            files = _unpack(age.stdout, restore.stdin)
            restore.stdin.close()
    return files


def _unpack(archive: IO[bytes], dump: IO[bytes]) -> dict[str, bytes]:
    """Write the dump of an archive to a stream; return its small files."""
    files = {}
    with tarfile.open(fileobj=archive, mode="r|") as members:
        for member in members:
            content = members.extractfile(member)
            if content and member.name.startswith(DUMP):
                dump.write(content.read())
            elif content and member.name in SMALL:
                files[member.name] = content.read()
    archive.read()
    return files


def _read_blocks(secrets: bytes) -> None:
    """Decrypt every block of the scratch database with the key that the backup has beside it."""
    lines = dict(line.partition("=")[::2] for line in secrets.decode().splitlines())
    try:
        key = Fernet(lines["PREFECT_SERVER_ENCRYPTION_KEY"].strip('"').encode())
    except (KeyError, ValueError) as error:
        raise BackupError("The backup has no encryption key for its blocks.") from error
    blocks = _ask(BLOCKS).split()
    unread = 0
    for block in blocks:
        try:
            key.decrypt(block.encode())
        except InvalidToken:
            unread += 1
    if unread:
        raise BackupError(
            f"The encryption key in the backup does not open {unread} of its {len(blocks)} blocks."
        )
    print(
        f"All {len(blocks)} blocks can be read, and {_ask('SELECT count(*) FROM flow_run')} runs."
    )


def _empty() -> None:
    _ask("DROP OWNED BY CURRENT_USER CASCADE")


def _ask(query: str) -> str:
    command = ["psql", "--no-psqlrc", "--quiet", "-Atc", query, SCRATCH]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupError(f"PostgreSQL does not do what it is asked: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    run(partial(load, Path(sys.argv[1])) if sys.argv[1:] else check)
