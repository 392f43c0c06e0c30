"""A server's owner is told in time, in one line each; services that are silent are restarted."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.hosts.control.observe import main_pid
from tests.hosts.control.server import eventually
from tests.server.story import BACKUPS, TOKEN, Story

UNIT = "prefect-server-watch"
WATCHDOG, SERVICES = "prefect-services-watchdog", "prefect-services"
# Not as patient as on machines.
HASTE = r"[Service]\nEnvironment=GRACE=5 PATIENCE=10 LATE=5\n"
TOLD = "/var/lib/private/prefect-alert/told"
DROP_IN = f"/run/systemd/system/{UNIT}.service.d"
# Of a disk that is full, and an authority of which little time is left.
WRONG = r"[Service]\nTemporaryFileSystem=/var/lib/postgresql:size=1M\nLoadCredential=root.crt:"


def test_what_is_as_wanted_is_told_in_one_line_each(story: Story) -> None:
    story.host.shell(f"systemctl is-active {UNIT}.timer && systemctl start {UNIT}")
    lines = said(story)
    for part in (
        "last backup was",
        "last tried",
        "minutes behind",
        "flow runs are Running",
        "MiB free",
        "root certificate",
        "The certificate",
    ):
        assert sum(part in line for line in lines) == 1, lines
    assert not [line for line in lines if line.startswith("WRONG")]


def test_what_is_old_full_or_ends_is_told_to_the_owner(story: Story) -> None:
    story.host.shell(f"touch --date '2 days ago' {BACKUPS}/last-backup")
    story.host.shell(f"touch --date '10 days ago' {BACKUPS}/last-check")
    story.host.shell(f"mkdir -p {DROP_IN} && cat > /run/ends.crt <<'END'\n{ending()}END")
    story.host.shell(f"printf '{WRONG}/run/ends.crt\\n' > {DROP_IN}/wrong.conf")
    story.host.shell(f"systemctl daemon-reload; ! systemctl start {UNIT}")
    lines = said(story)
    alert = f"cat {TOLD} 2>&1 || true"
    eventually(
        lambda: story.host.shell(alert) == f"{UNIT}.service\n{TOKEN}\n", 60, "nobody is told"
    )
    story.host.shell(f"rm -r {DROP_IN} && systemctl daemon-reload")
    for unit in ("prefect-server-backup", "prefect-server-backup-check", UNIT):
        story.host.shell(f"systemctl start {unit}")
    expected = ["made 48.0 hours ago", "tried 10.0 days ago", "MiB free", "root certificate"]
    for part in [*expected, "cannot be verified"]:
        assert any(line.startswith("WRONG") and part in line for line in lines), lines


def said(story: Story, unit: str = UNIT) -> list[str]:
    """Return what a unit said when it ran last."""
    run = f"_SYSTEMD_INVOCATION_ID=$(systemctl show --property InvocationID --value {unit})"
    return story.host.shell(f"journalctl --sync; journalctl --output cat {run}").splitlines()


def ending() -> str:
    """Return the certificate of an authority that ends in a few of its hundred days."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=95)
    end = start + datetime.timedelta(days=100)
    number = x509.random_serial_number()
    builder = x509.CertificateBuilder(name, name, key.public_key(), number, start, end)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.fixture
def watchdog(story: Story) -> Iterator[Callable[[], str]]:
    """Return what starts a watchdog that is in haste, and says what it said."""
    folder = f"/run/systemd/system/{WATCHDOG}.service.d"
    story.host.shell(f"systemctl is-active {WATCHDOG}.timer && mkdir -p {folder}")
    story.host.shell(f"printf '{HASTE}' > {folder}/haste.conf && systemctl daemon-reload")
    # What the timer starts would be seen by nobody.
    story.host.shell(f"systemctl stop {WATCHDOG}.timer {WATCHDOG}")

    def look() -> str:
        story.host.shell(f"systemctl start {WATCHDOG} || true")
        return "\n".join(said(story, WATCHDOG))

    yield look
    story.host.shell(f"rm -r {folder} && systemctl daemon-reload")
    story.host.shell(f"systemctl start {WATCHDOG}.timer")


def test_a_recorder_that_is_silent_is_restarted_and_records_all(
    story: Story, watchdog: Callable[[], str]
) -> None:
    frozen = main_pid(story.host, f"{SERVICES}.service")
    story.host.shell(f"rm -f {TOLD}")
    flow = story.site.flow(waves=6, number=10, seconds=0.5)
    eventually(lambda: "Finished in state" in story.site.said.read_text(), 60, "no task run ends")
    story.host.shell(f"systemctl kill --signal=STOP {SERVICES}")
    eventually(lambda: "The recorder is" in watchdog(), 60, "it sees nothing")
    eventually(lambda: is_restarted(story, frozen), 60, "nothing is restarted")
    alert = f"cat {TOLD} 2>&1 || true"
    told = f"{WATCHDOG}.service\n{TOKEN}\n"
    eventually(lambda: story.host.shell(alert) == told, 60, "nobody is told")
    story.site.require_recorded(story.site.completed(flow), 60)
    eventually(lambda: watchdog() == "", 60, "it is not content")


def test_a_scheduler_that_is_silent_is_restarted_once_the_database_answers(
    story: Story, watchdog: Callable[[], str]
) -> None:
    frozen = main_pid(story.host, f"{SERVICES}.service")
    story.host.shell(f"systemctl kill --signal=STOP {SERVICES}")
    units = story.host.shell("systemctl list-units --plain --no-legend 'postgresql@*'")
    story.host.shell(f"systemctl stop {units.split()[0]}")
    said_without = watchdog()
    story.host.shell(f"systemctl start {units.split()[0]}")
    assert "PostgreSQL does not answer" in said_without
    assert "left alone" in said_without
    assert main_pid(story.host, f"{SERVICES}.service") == frozen
    eventually(lambda: "The scheduler was due" in watchdog(), 90, "it sees nothing")
    eventually(lambda: is_restarted(story, frozen), 60, "nothing is restarted")


def is_restarted(story: Story, frozen: int) -> bool:
    """Return whether the services run in another process."""
    return main_pid(story.host, f"{SERVICES}.service") not in {0, frozen}
