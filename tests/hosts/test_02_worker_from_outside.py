"""What anybody can see of a worker's unit, its files and its user."""

from __future__ import annotations

import re

import pytest

from tests.hosts.control.observe import UNIT, main_pid, shown
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container
from tests.hosts.machines.host import quoted

pytestmark = pytest.mark.parametrize("host", ["trixie", "bookworm"], indirect=True, scope="module")
CURRENT = "/opt/prefect/shop-reports/workers/shop-reports/current"
FOLDERS = "/etc/prefect /opt/prefect /var/lib/prefect"


def test_the_worker_runs_a_flow_of_the_project(site: Site, host: Container) -> None:
    run = site.api.run("passing-data/passing_data")
    assert run["state_type"] == "COMPLETED", run["state"]


def test_the_unit_starts_at_boot_and_for_ever(host: Container) -> None:
    seen = shown(host, UNIT, "UnitFileState", "Type", "Restart", "StartLimitIntervalUSec")
    assert seen["UnitFileState"] == "enabled"
    assert (seen["Type"], seen["Restart"]) == ("exec", "always")
    assert seen["StartLimitIntervalUSec"] == "0"


def test_the_sandbox_is_as_tight_as_promised(host: Container) -> None:
    verdict = host.shell(f"systemd-analyze security --no-pager {UNIT}")
    exposure = re.search(r"Overall exposure level for .*: ([\d.]+)", verdict)
    assert exposure, verdict
    assert float(exposure[1]) <= 1.6, verdict


def test_systemd_has_nothing_to_say_about_the_unit(host: Container) -> None:
    assert host.shell(f"systemd-analyze verify /etc/systemd/system/{UNIT} 2>&1") == ""


def test_the_worker_has_a_limit_of_memory(host: Container) -> None:
    assert shown(host, UNIT, "MemoryMax")["MemoryMax"].isdigit()


def test_the_worker_is_an_ordinary_user_who_cannot_log_in(host: Container) -> None:
    assert shown(host, UNIT, "User")["User"] == "prefect"
    name, _, uid, _, _, _, shell = host.shell("getent passwd prefect").strip().split(":")
    assert (name, shell) == ("prefect", "/usr/sbin/nologin")
    assert 0 < int(uid) < 1000
    assert host.shell(f"stat -c %U /proc/{main_pid(host)}").strip() == "prefect"


def test_the_health_endpoint_listens_on_loopback_alone(host: Container) -> None:
    sockets = [line.split() for line in host.shell("ss -Hltnp").splitlines()]
    worker = f"pid={main_pid(host)},"
    addresses = [words[3] for words in sockets if worker in words[-1]]
    assert addresses
    assert all(address.startswith("127.0.0.1:") for address in addresses), addresses


def test_nobody_but_root_can_change_code_or_configuration(host: Container) -> None:
    assert host.shell("find /etc/prefect /opt/prefect ! -user root") == ""
    assert host.ssh(f"find {FOLDERS} ! -type l -writable").stdout == ""


def test_nobody_but_the_workers_reads_a_project(host: Container) -> None:
    """A folder may have files that git ignores, with secrets."""
    read = f"cat {CURRENT}/prefect.toml && ls {CURRENT}/ {CURRENT}/src {CURRENT}/.venv"
    assert host.ssh(read.replace("&&", ";")).stdout == ""
    assert host.ssh(f"sudo runuser -u prefect -- sh -c {quoted(read)}").returncode == 0


def test_a_release_is_complete_and_locked(host: Container) -> None:
    ask = f"{CURRENT}/.venv/bin/python -c 'import prefect; print(prefect.__version__)'"
    assert f"prefect=={host.shell(ask).strip()}" in host.shell(f"cat {CURRENT}/requirements.txt")
