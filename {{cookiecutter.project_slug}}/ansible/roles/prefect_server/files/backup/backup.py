"""Back the server up in one encrypted file; its unit sets the environment."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

FOLDER = Path("/var/lib/prefect-backups")
# What systemd reads as root, and lets nobody else read.
CREDENTIALS = Path(os.environ["CREDENTIALS_DIRECTORY"])
KEY = str(CREDENTIALS / "backup.key")
DATABASE = os.environ["DATABASE"]
# In pieces, so that a dump of any size is never on the disk in clear.
PIECE = 16 << 20
DUMP = "database.dump/"
# What a restore takes of a backup beside the dump; of the authority both or none.
AUTHORITY = {"authority_root.crt", "authority_root.key"}
SMALL = {"about.json", "secrets.env", *AUTHORITY}


class BackupError(Exception):
    """What is wrong, in one sentence."""


def make() -> None:
    """Write a backup that the owner's keys and the machine's own open; remove the oldest."""
    now = datetime.datetime.now(datetime.UTC)
    final = FOLDER / f"prefect-{now:%Y%m%dT%H%M%SZ}.age"
    _require_newest(final)
    part = FOLDER / ".part"
    recipients = ["--recipients-file", os.environ["RECIPIENTS"], "--identity", KEY]
    command = ["age", "--encrypt", *recipients, "--output", str(part)]
    try:
        with program(command, stdin=subprocess.PIPE) as age:
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
    tell("last-backup", f"{final.name} has {final.stat().st_size} bytes.")
    for old in backups()[: -int(os.environ["KEPT"])]:
        old.unlink()


def _require_newest(final: Path) -> None:
    """Refuse to make what would count as older than what is there, and be removed for it."""
    newest = max(backups(), default=final)
    if newest > final:
        raise BackupError(
            f"{newest} is dated later than now: set the clock right, or move the file elsewhere."
        )


def _fill(archive: tarfile.TarFile, now: datetime.datetime) -> None:
    """Put the small files first, so that whoever restores need not read on to see them."""
    about = {"prefect": importlib.metadata.version("prefect"), "made": f"{now:%Y-%m-%d %H:%M:%SZ}"}
    _add(archive, "about.json", json.dumps(about).encode())
    for path in sorted(CREDENTIALS.iterdir()):
        if path.name in SMALL:
            _add(archive, path.name, path.read_bytes())
    with program(["pg_dump", "--format=custom", DATABASE], stdout=subprocess.PIPE) as dump:
        assert dump.stdout
        for number, piece in enumerate(iter(lambda: _read(dump.stdout), b"")):
            _add(archive, f"{DUMP}{number:06}", piece)


def _read(stream: IO[bytes] | None) -> bytes:
    return stream.read(PIECE) if stream else b""


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size, about.mode = len(content), 0o600
    archive.addfile(about, io.BytesIO(content))


@contextlib.contextmanager
def program(
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


def backups() -> list[Path]:
    """Return all backups, oldest first."""
    return sorted(FOLDER.glob("prefect-*.age"))


def tell(name: str, sentence: str) -> None:
    """Leave the last success where it can be looked at: its time is the file's."""
    new = FOLDER / f".{name}"
    new.write_text(f"{sentence}\n")
    new.rename(FOLDER / name)
    print(sentence)


def run(task: Callable[[], None]) -> None:
    """Do what a unit is for, and tell what is wrong; a task that is stopped leaves nothing."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("It was stopped."))
    try:
        task()
    except (BackupError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    run(make)
