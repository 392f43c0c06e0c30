"""A worker outlasts an API that is not there."""

from __future__ import annotations

import time

from tests.hosts.control.observe import UNIT, shown
from tests.hosts.control.server import now
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container


def test_a_machine_that_boots_without_its_api_is_back_by_itself(
    site: Site, host: Container
) -> None:
    site.server.stop()
    host.stop()
    host.start()
    host.wait()
    time.sleep(30)
    state = shown(host, UNIT, "ActiveState")["ActiveState"]
    returned = now()
    site.server.start()
    site.online("shop-reports@worker", returned, seconds=150)
    assert state in {"active", "activating"}
    assert site.api.run("passing-data/passing_data")["state_type"] == "COMPLETED"
