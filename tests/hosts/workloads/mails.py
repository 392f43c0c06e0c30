"""Mail by programs, which hand it to the machine's server by a group's right."""

from __future__ import annotations

from shop_reports.workloads.shell import output


def sendmail() -> str:
    """Send mail as shell scripts do."""
    return output("echo 'Subject: By sendmail' | /usr/sbin/sendmail admin@localhost")


def mail() -> str:
    """Send mail as people do."""
    return output("echo of today | mail -s 'By mail' admin@localhost")
