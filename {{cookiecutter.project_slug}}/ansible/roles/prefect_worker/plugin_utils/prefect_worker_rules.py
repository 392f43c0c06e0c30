"""What each variable of the role accepts."""

from __future__ import annotations

from prefect_worker_credentials import auth_string, secret, ssh_key
from prefect_worker_environment import OF_WORKER, environment
from prefect_worker_numbers import between, memory, serial
from prefect_worker_overrides import overrides
from prefect_worker_paths import (
    api_ca_bundle,
    ca_bundle,
    folder,
    image_archive,
    requirements,
    wheelhouse,
)
from prefect_worker_texts import each, matching, one_of
from prefect_worker_urls import api_url, index_url, proxy
from prefect_worker_wrong import Check

NAME = r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?"
NAME_RULE = (
    "lowercase letters, digits, dashes and underscores, 1 to 63, a letter or digit at both ends"
)
LABEL = r"""[^\x00-\x1f\x7f"'\\$%/&<>]+"""
LABEL_RULE = """characters other than " ' \\ $ % / & < > and control characters"""
PATTERN = r"/[^\x00-\x1f\x7f]*[^/\x00-\x1f\x7f]|[^/\x00-\x1f\x7f]+"
PATTERN_RULE = "patterns, each for a name or, with a slash in front and none at the end, for a path"

# Those that a server has, too.
COMMON: dict[str, Check] = {
    "wheelhouse": wheelhouse,
    "index_url": index_url,
    "ca_bundle": ca_bundle,
    "http_proxy": proxy,
    "https_proxy": proxy,
    "no_proxy": matching(r"[A-Za-z0-9.,:*/_\[\]-]*", "hosts separated by commas, without spaces"),
    "python": matching(r"/[^\x00-\x20\x7f]+", "an absolute path on the machine", empty=True),
    "free_mib": between(1, 1_000_000, zero="no check"),
    "timeout": between(10, 3600),
    "project_dir": folder,
}
RULES: dict[str, Check] = {
    **COMMON,
    "api_ca_bundle": api_ca_bundle,
    "state": one_of("present", "absent", "drained", "rolled_back"),
    "project": matching(NAME, NAME_RULE),
    "exclude": each(PATTERN, PATTERN_RULE),
    "include": each(PATTERN, PATTERN_RULE),
    "requirements": requirements,
    # Such a name is that of another worker's watchdog.
    "name": matching(f"(?!.*-watchdog$){NAME}", f"{NAME_RULE}, and does not end in -watchdog"),
    "api_url": api_url,
    "api_key": secret,
    "auth_string": auth_string,
    "pool": matching(LABEL, LABEL_RULE),
    "type": one_of("process", "docker"),
    "engine": one_of("podman", "none"),
    "image_archive": image_archive,
    "queues": each(LABEL, LABEL_RULE),
    "limit": between(1, 10_000, zero="no limit"),
    "environment": environment(OF_WORKER),
    "memory_max": memory,
    "unit_overrides": overrides,
    "drain_seconds": between(5, 1_000_000),
    "run_memory_max": memory,
    "machine_memory_max": memory,
    "run_cpu_quota": matching(
        r"[1-9]\d{0,5}%", "a share of one processor, as 150% say", empty=True
    ),
    "run_tasks_max": between(16, 1_000_000),
    "run_time_max": matching(
        r"[1-9]\d{0,8}(s|min|h|d)|infinity", "a time, as 90min or 6h say, or infinity"
    ),
    "run_umask": matching(
        "0[0-7]{3}", "four octal digits in quotes, the first of them 0, as '0022' say"
    ),
    "ssh_key": ssh_key,
    "ssh_known_hosts": matching(r"[^\x00-\x08\x0b-\x1f\x7f]*", "lines as in a known_hosts file"),
    "query_seconds": between(1, 300),
    "health_port": between(1024, 65535),
    "watchdog_seconds": between(10, 3600, zero="never"),
    "smoke_deployment": matching(
        r"[^/\x00-\x1f\x7f]+/[^/\x00-\x1f\x7f]+", "flow/deployment", empty=True
    ),
    "releases_kept": between(2, 100),
    "user": matching(
        r"(?!(root|prefect-server|prefect-proxy|prefect-backup)$)[a-z_][a-z0-9_-]{0,30}",
        "the name of a user other than root and those of a Prefect server",
    ),
    "packages": each(r"[A-Za-z0-9][A-Za-z0-9+._:-]*", "names of packages"),
    "serial": serial,
}
