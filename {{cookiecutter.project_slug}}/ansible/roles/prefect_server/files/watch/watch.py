"""Tell of old backups, a full disk, certificates that end and services that lag; a line each.

Its unit sets the environment, and fails if something is wrong, so that its owner is told.
"""

from __future__ import annotations

import datetime
import os
import shutil
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from behind import AwayError, asked, recorder
from cryptography.x509 import Certificate, load_der_x509_certificate, load_pem_x509_certificate

FOLDER = Path("/var/lib/prefect-backups")
# One is made every night, and one is tried every week.
MADE_HOURS, TRIED_DAYS = 36, 9
# What a burst of task runs takes on a small machine.
BEHIND_MINUTES = 10
RUNNING = (
    "SELECT count(*), coalesce(extract(epoch FROM now() - min(state_timestamp)), 0)"
    " FROM flow_run WHERE state_type = 'RUNNING'"
)
# Where Debian has the files of PostgreSQL.
CLUSTERS = Path("/var/lib/postgresql")
HTTPS = 443
HOUR, DAY = 3600, 86400
# The server's own authority, where it has one.
ROOT = Path(os.getenv("CREDENTIALS_DIRECTORY", "/"), "root.crt")

Line = tuple[bool, str]


def look() -> Iterator[Line]:
    """Yield whether something is as wanted, and a sentence."""
    if os.environ.get("BACKED_UP"):
        yield _made()
        yield _tried()
    yield _recorded()
    yield _running()
    yield _disk(int(os.environ["FREE_MIB"]))
    if ROOT.exists():
        yield _lasts("root certificate", load_pem_x509_certificate(ROOT.read_bytes()))
    if address := os.environ.get("ADDRESS"):
        yield _certificate(address)


def _made() -> Line:
    hours = _age("last-backup") / HOUR
    return hours <= MADE_HOURS, f"The last backup was made {hours:.1f} hours ago."


def _tried() -> Line:
    days = _age("last-check") / DAY
    return days <= TRIED_DAYS, f"A backup was last tried {days:.1f} days ago."


def _age(name: str) -> float:
    """Return how long ago a unit has succeeded; if never, for how long it could have."""
    told = FOLDER / name
    oldest = min(FOLDER.glob("prefect-*.age"), default=FOLDER)
    return time.time() - (told if told.exists() else oldest).stat().st_mtime


def _recorded() -> Line:
    try:
        minutes = recorder().seconds / 60
    except AwayError as error:
        return False, f"{error}."
    return minutes <= BEHIND_MINUTES, f"The record of task runs is {minutes:.1f} minutes behind."


def _running() -> Line:
    """Tell of the oldest run; how long one may take is its owner's to say."""
    try:
        number, seconds = asked(RUNNING).split("|")
    except AwayError as error:
        return False, f"{error}."
    oldest = f"; the oldest has been for {float(seconds) / HOUR:.1f} hours" if int(number) else ""
    return True, f"{number} flow runs are Running{oldest}."


def _disk(wanted: int) -> Line:
    free = shutil.disk_usage(CLUSTERS).free >> 20
    return free >= wanted, f"{CLUSTERS} has {free} MiB free; wanted are {wanted}."


def _certificate(address: str) -> Line:
    """Look at what clients are shown, as they do."""
    context = ssl.create_default_context(cafile=str(ROOT) if ROOT.exists() else None)
    try:
        with (
            socket.create_connection(("127.0.0.1", HTTPS), timeout=15) as plain,
            context.wrap_socket(plain, server_hostname=address) as encrypted,
        ):
            shown = encrypted.getpeercert(binary_form=True) or b""
    except OSError as error:
        return False, f"The certificate of {address} cannot be verified: {error}."
    return _lasts("certificate", load_der_x509_certificate(shown))


def _lasts(name: str, certificate: Certificate) -> Line:
    """Whether more than a tenth of the time is left, when each authority renews at the latest."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    left = end - datetime.datetime.now(datetime.UTC)
    return left > (end - start) / 10, f"The {name} ends on {end:%Y-%m-%d at %H:%M} UTC."


if __name__ == "__main__":
    lines = list(look())
    for is_right, sentence in lines:
        print(sentence if is_right else f"WRONG: {sentence}")
    sys.exit(not all(is_right for is_right, _ in lines))
