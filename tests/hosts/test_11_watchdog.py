"""A worker that hangs is restarted."""

from __future__ import annotations

from tests.hosts.control.observe import UNIT, journal, main_pid
from tests.hosts.control.server import eventually, now
from tests.hosts.control.site import Site
from tests.hosts.machines.container import Container
from tests.hosts.machines.host import quoted

PATIENCE = 120
SETTINGS = "/etc/prefect/shop-reports/shop-reports.env"
WATCHDOG = "prefect-worker-shop-reports-watchdog.service"
ANSWERED = "ls /run/prefect-worker-shop-reports"
# More than a process may have of open files.
IDLE = """
import resource, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
held = [socket.create_connection(("127.0.0.1", {port})) for _ in range(1500)]
print("connected", flush=True)
time.sleep(600)
"""


def health_port(host: Container) -> str:
    """Return where the worker answers for its health."""
    return host.shell(f"sed -n s/^PREFECT_WORKER_WEBSERVER_PORT=//p {SETTINGS}").strip()


def test_idle_connections_of_another_user_cost_no_run(site: Site, host: Container) -> None:
    """Each would take one of the open files that the worker starts runs with."""
    idle = quoted(IDLE.format(port=health_port(host)))
    host.shell(f"systemd-run --unit=idle --property=User=nobody python3 -c {idle}")
    eventually(lambda: "connected" in journal(host, "idle"), 30, "they are not open")
    assert site.api.run("passing-data/passing_data")["state_type"] == "COMPLETED"
    host.shell("systemctl stop idle")


def test_a_worker_whose_port_somebody_has_is_left_alone(host: Container) -> None:
    """Whoever is there would answer for it: have it restarted for ever, or never."""
    port = health_port(host)
    taken = f"systemd-run --unit=squatter python3 -m http.server --bind 127.0.0.1 {port}"
    host.shell(f"systemctl stop {UNIT} && {taken}")
    eventually(lambda: f":{port} " in host.shell("ss -Hltn"), 10, "nobody has the port")
    host.shell(f"systemctl start {UNIT}")
    pid, said = main_pid(host), f"Port {port} is another user's (0)"
    eventually(lambda: said in journal(host, WATCHDOG), PATIENCE, "the watchdog is silent")
    assert main_pid(host) == pid
    host.shell("systemctl stop squatter")


def test_a_worker_that_has_not_answered_yet_is_left_alone(host: Container) -> None:
    host.shell(f"systemctl restart {UNIT} && systemctl kill --kill-who=main --signal=STOP {UNIT}")
    pid = main_pid(host)
    host.shell(f"systemctl start {WATCHDOG}")
    assert main_pid(host) == pid
    assert host.shell(ANSWERED) == ""
    host.shell(f"kill -CONT {pid}")


def test_a_worker_that_no_longer_polls_is_restarted(site: Site, host: Container) -> None:
    eventually(lambda: host.shell(ANSWERED), PATIENCE, "the watchdog saw no answer")
    hung = main_pid(host)
    host.shell(f"kill -STOP {hung}")
    eventually(lambda: main_pid(host) not in {0, hung}, 2 * PATIENCE, "it still hangs")
    site.online("shop-reports@worker", now())
    assert "restart" in journal(host, WATCHDOG)
