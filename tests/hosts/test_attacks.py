"""What somebody without rights on a machine cannot do there, each tried for real."""

from __future__ import annotations

import pytest

from tests.hosts.control.attacks import ENVIRONMENT, Witness
from tests.hosts.control.faults import Faults
from tests.hosts.control.server import eventually
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container
from tests.hosts.machines.host import quoted

RUNTIME = "/run/prefect-run-shop-reports"
SOCKET = "/run/prefect-start-shop-reports.sock"
RUN = "00000000-0000-4000-8000-00000000000{}"
ASK = """
import json, socket
door = socket.socket(socket.AF_UNIX)
door.connect({socket!r})
door.sendall(json.dumps({request}).encode())
door.shutdown(socket.SHUT_WR)
print(door.makefile().read().strip())
"""


@pytest.fixture(scope="module")
def faults(site: Site, host: Container) -> Faults:
    """Return the machine's runs."""
    return Faults(site.api, site.pool, host)


@pytest.fixture(scope="module")
def witness(host: Container, tmp_path_factory: pytest.TempPathFactory) -> Witness:
    """Return what an attacker has brought to the machine."""
    return Witness(host, tmp_path_factory.mktemp("attacks"))


def ask(host: Container, run: str, environment: str) -> str:
    """Return the door's whole answer to the workers' user; `environment` is Python's source."""
    request = f"{{'start': {run!r}, 'limits': {{}}, 'environment': {environment}}}"
    python = ASK.format(socket=SOCKET, request=request)
    return host.shell(f"runuser -u prefect -- python3 -c {quoted(python)}")


def left(host: Container) -> str:
    """Return what requests have left on the machine."""
    return host.shell(f"ls -d {RUNTIME}/*.* /run/systemd/system/prefect-run-* 2>/dev/null || true")


def test_no_variable_of_a_run_has_root_load_its_code(
    host: Container, faults: Faults, witness: Witness
) -> None:
    run = faults.ended(faults.start(env=ENVIRONMENT))
    assert run["state_type"] == "COMPLETED", run["state"]
    eventually(lambda: left(host) == "", 30, lambda: f"there is still {left(host)}")
    assert "prefect.engine" in witness.seen("prefect")
    assert witness.seen("root") == ""


@pytest.mark.parametrize("value", ["'a\\0b' + 900_000 * 'c'", "'\\udcff'", "200_000 * 'd'"])
def test_a_value_that_no_process_can_have_is_refused_and_leaves_nothing(
    host: Container, value: str
) -> None:
    assert "not accepted (WORD is" in ask(host, RUN.format(1), f"{{'WORD': {value}}}")
    assert left(host) == ""


def test_a_run_that_cannot_begin_leaves_nothing(host: Container) -> None:
    assert ask(host, RUN.format(2), "{'PROJECT_DIR': '/nowhere'}").startswith("ok")
    eventually(lambda: left(host) == "", 30, lambda: f"there is still {left(host)}")


def test_what_a_run_needs_outlives_the_unit_that_started_it(
    host: Container, faults: Faults
) -> None:
    run = faults.held()
    faults.kill("'prefect-start-shop-reports@*'")
    ask(host, RUN.format(3), "{'PROJECT_DIR': '/nowhere'}")
    assert run in left(host)
    faults.let_go(run)
    assert faults.ended(run)["state_type"] == "COMPLETED"
    # The next request removes it.
    ask(host, RUN.format(4), "{'PROJECT_DIR': '/nowhere'}")
    eventually(lambda: left(host) == "", 30, lambda: f"there is still {left(host)}")
