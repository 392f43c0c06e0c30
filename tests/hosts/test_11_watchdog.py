"""A worker that hangs is restarted."""

from __future__ import annotations

from tests.hosts.control.observe import journal, main_pid
from tests.hosts.control.server import eventually, now
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container

GRACE = 120


def test_a_worker_that_no_longer_polls_is_restarted(site: Site, host: Container) -> None:
    hung = main_pid(host)
    host.shell(f"kill -STOP {hung}")
    eventually(lambda: main_pid(host) not in {0, hung}, GRACE + 120, "it still hangs")
    site.online("shop-reports@worker", now())
    assert "restart" in journal(host, "prefect-worker-shop-reports-watchdog.service")
