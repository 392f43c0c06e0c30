"""What a server's owner has to know before it is too late is told, in one line each."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.hosts.control.server import eventually
from tests.server.story import BACKUPS, TOKEN, Story

UNIT = "prefect-server-watch"
DROP_IN = f"/run/systemd/system/{UNIT}.service.d"
# Of a disk that is full, and an authority of which little time is left.
WRONG = r"[Service]\nTemporaryFileSystem=/var/lib/postgresql:size=1M\nLoadCredential=root.crt:"


def test_what_is_as_wanted_is_told_in_one_line_each(story: Story) -> None:
    story.host.shell(f"systemctl is-active {UNIT}.timer && systemctl start {UNIT}")
    lines = said(story)
    for part in (
        "last backup was",
        "last tried",
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
    alert = "cat /var/lib/private/prefect-alert/told 2>&1 || true"
    eventually(
        lambda: story.host.shell(alert) == f"{UNIT}.service\n{TOKEN}\n", 60, "nobody is told"
    )
    story.host.shell(f"rm -r {DROP_IN} && systemctl daemon-reload")
    for unit in ("prefect-server-backup", "prefect-server-backup-check", UNIT):
        story.host.shell(f"systemctl start {unit}")
    expected = ["made 48.0 hours ago", "tried 10.0 days ago", "MiB free", "root certificate"]
    for part in [*expected, "cannot be verified"]:
        assert any(line.startswith("WRONG") and part in line for line in lines), lines


def said(story: Story) -> list[str]:
    """Return what the unit said when it ran last."""
    run = f"_SYSTEMD_INVOCATION_ID=$(systemctl show --property InvocationID --value {UNIT})"
    return story.host.shell(f"journalctl --sync; journalctl --output cat {run}").splitlines()


def ending() -> str:
    """Return the certificate of an authority that ends in a few of its hundred days."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=95)
    end = start + datetime.timedelta(days=100)
    number = x509.random_serial_number()
    builder = x509.CertificateBuilder(name, name, key.public_key(), number, start, end)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
