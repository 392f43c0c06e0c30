"""What each variable of the role accepts."""

from __future__ import annotations

from prefect_server_checks import backup_command, command, pins, port, tls, url
from prefect_worker_environment import environment
from prefect_worker_numbers import between
from prefect_worker_rules import COMMON
from prefect_worker_texts import each, matching, one_of
from prefect_worker_wrong import Check

# Of the owner's commands.
COPY_ENVIRONMENT = {
    "BACKUP": "names the backup to copy",
    "HOME": "is /var/lib/prefect-backup-copy",
}
ALERT_ENVIRONMENT = {"HOME": "is /var/lib/prefect-alert", "UNIT": "names what failed"}
# Of age, which in Debian knows these.
PUBLIC_KEY = r"age1[02-9ac-hj-np-z]{58}|ssh-(ed25519|rsa) [A-Za-z0-9+/]+={0,2}( [^\x00-\x1f\x7f]*)?"
HOST = r"(?!-)[A-Za-z0-9.-]{1,253}(?<![-.])"
HOST_RULE = "the name or the IPv4 address by which workers and browsers reach the server"
PATH = r"/[^\x00-\x1f\x7f]+"
PATH_RULE = "an absolute path on this computer"

RULES: dict[str, Check] = {
    **COMMON,
    "state": one_of("present", "absent"),
    "address": matching(HOST, HOST_RULE),
    "tls": tls,
    "url": url,
    "port": port,
    "keep_runs_days": between(1, 3650),
    "keep_events_days": between(1, 3650),
    "backup_keys": each(PUBLIC_KEY, "public keys, age1… or ssh-ed25519 …"),
    "backups_kept": between(1, 1000),
    "backup_command": backup_command,
    "backup_environment": environment(COPY_ENVIRONMENT),
    "alert_command": command,
    "alert_environment": environment(ALERT_ENVIRONMENT),
    "redis_mib": between(64, 1_000_000),
    "request_mib": between(1, 1024),
    "requirements": pins,
    "ca_file": matching(PATH, PATH_RULE),
    "env_file": matching(PATH, PATH_RULE, empty=True),
}
