"""Back the server up in one encrypted file, and try what such a file brings back.

`backup.py make`, `backup.py check` (the newest), `backup.py load FILE`; units set the environment.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cryptography.fernet import Fernet, InvalidToken

FOLDER = Path("/var/lib/prefect-backups")
# What systemd reads as root, and lets nobody else read.
CREDENTIALS = Path(os.environ["CREDENTIALS_DIRECTORY"])
KEY = str(CREDENTIALS / "backup.key")
DATABASE, SCRATCH = os.environ["DATABASE"], os.environ["SCRATCH"]
# In pieces, so that a dump of any size is never on the disk in clear.
PIECE = 16 << 20
DUMP = "database.dump/"
# Where Debian has the files of PostgreSQL.
CLUSTERS = Path("/var/lib/postgresql")
SPARE = 64 << 20
BLOCKS = "SELECT data #>> '{}' FROM block_document WHERE jsonb_typeof(data::jsonb) = 'string'"


class BackupError(Exception):
    """What is wrong, in one sentence."""


def make() -> None:
    """Write a backup that the owner's keys and the machine's own open; remove the oldest."""
    now = datetime.datetime.now(datetime.UTC)
    final = FOLDER / f"prefect-{now:%Y%m%dT%H%M%SZ}.age"
    part = FOLDER / ".part"
    recipients = ["--recipients-file", os.environ["RECIPIENTS"], "--identity", KEY]
    command = ["age", "--encrypt", *recipients, "--output", str(part)]
    try:
        with _program(command, stdin=subprocess.PIPE) as age:
            assert age.stdin
            try:
                with tarfile.open(fileobj=age.stdin, mode="w|") as archive:
                    _fill(archive, now)
                age.stdin.close()
            except BrokenPipeError as error:
                raise BackupError("age ended early, and says why above.") from error
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.chmod(0o640)
        part.rename(final)
    finally:
        part.unlink(missing_ok=True)
    _tell("last-backup", f"{final.name} has {final.stat().st_size} bytes.")
    for old in _backups()[: -int(os.environ["KEPT"])]:
        old.unlink()


def _fill(archive: tarfile.TarFile, now: datetime.datetime) -> None:
    """Put the small files first, so that whoever restores need not read on to see them."""
    about = {"prefect": importlib.metadata.version("prefect"), "made": f"{now:%Y-%m-%d %H:%M:%SZ}"}
    _add(archive, "about.json", json.dumps(about).encode())
    for path in sorted(CREDENTIALS.iterdir()):
        # The machine's own key is of no use elsewhere.
        if path.name != "backup.key":
            _add(archive, path.name, path.read_bytes())
    with _program(["pg_dump", "--format=custom", DATABASE], stdout=subprocess.PIPE) as dump:
        assert dump.stdout
        for number, piece in enumerate(iter(lambda: _read(dump.stdout), b"")):
            _add(archive, f"{DUMP}{number:06}", piece)


def _read(stream: IO[bytes] | None) -> bytes:
    return stream.read(PIECE) if stream else b""


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size, about.mode = len(content), 0o600
    archive.addfile(about, io.BytesIO(content))


def check() -> None:
    """Restore the newest backup beside the database and read its blocks; leave nothing of it."""
    backups = _backups()
    if not backups:
        raise BackupError("There is no backup.")
    _require_space()
    load(backups[-1])
    _empty()
    _tell("last-check", f"{backups[-1].name} was restored, and its blocks were read.")


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
        secrets = _restore(path)
        _read_blocks(secrets)
    except BaseException:
        _empty()
        raise


def _restore(path: Path) -> bytes:
    """Fill the scratch database; return the backup's file of secrets."""
    secrets = b""
    options = ["--no-owner", "--exit-on-error", f"--dbname={SCRATCH}"]
    with (
        _program(["age", "--decrypt", "--identity", KEY, str(path)], stdout=subprocess.PIPE) as age,
        _program(["pg_restore", *options], stdin=subprocess.PIPE) as restore,
    ):
        assert age.stdout
        assert restore.stdin
        # Whatever ended early is told by its status.
        with contextlib.suppress(BrokenPipeError):
            secrets = _unpack(age.stdout, restore.stdin)
            restore.stdin.close()
    return secrets


def _unpack(archive: IO[bytes], dump: IO[bytes]) -> bytes:
    """Write the dump of an archive to a stream; return its file of secrets."""
    secrets = b""
    with tarfile.open(fileobj=archive, mode="r|") as members:
        for member in members:
            content = members.extractfile(member)
            if content and member.name.startswith(DUMP):
                dump.write(content.read())
            elif content and member.name == "secrets.env":
                secrets = content.read()
    archive.read()
    return secrets


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


@contextlib.contextmanager
def _program(
    command: list[str], stdin: int | None = None, stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that has to succeed; its own words go to the journal."""
    with subprocess.Popen(command, stdin=stdin, stdout=stdout) as process:
        try:
            yield process
        except tarfile.TarError as error:
            process.terminate()
            raise BackupError(f"The backup is broken: {error}.") from error
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise BackupError(f"{command[0]} failed with status {process.returncode}.")


def _backups() -> list[Path]:
    return sorted(FOLDER.glob("prefect-*.age"))


def _tell(name: str, sentence: str) -> None:
    """Leave the last success where it can be looked at: its time is the file's."""
    new = FOLDER / f".{name}"
    new.write_text(f"{sentence}\n")
    new.rename(FOLDER / name)
    print(sentence)


if __name__ == "__main__":
    task, *paths = sys.argv[1:]
    try:
        if task == "load":
            load(Path(*paths))
        elif task == "check":
            check()
        else:
            make()
    except (BackupError, OSError) as error:
        sys.exit(str(error))
