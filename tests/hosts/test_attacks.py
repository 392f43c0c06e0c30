"""What somebody without rights on a machine cannot do there, each tried for real."""

from __future__ import annotations

import json
import re

import pytest

from tests.hosts.control.attacks import ENVIRONMENT, Witness
from tests.hosts.control.deployed import Steps, ended
from tests.hosts.control.faults import Faults
from tests.hosts.control.observe import UNIT, main_pid, shown
from tests.hosts.control.server import eventually, now
from tests.hosts.control.site import Site
from tests.hosts.control.units import services
from tests.hosts.machines.container import Container
from tests.hosts.machines.host import quoted

DOOR = "prefect-start-shop-reports"
WATCHDOG = "prefect-worker-shop-reports-watchdog.service"
RESTART = "prefect-restart-shop-reports.service"
SECRETS = "/etc/prefect/shop-reports/shop-reports.secrets.env"
RECORDS = "/var/lib/prefect/shop-reports/runs/shop-reports"
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
HOME = "/var/lib/prefect/shop-reports"
# Settings of Prefect's that have a program executed.
EXECUTED = {"()": "subprocess.Popen", "args": ["touch", f"{HOME}/executed"]}
SETTINGS = {"version": 1, "handlers": {"x": EXECUTED}}
IDLE = """
import socket
doors = [socket.socket(socket.AF_UNIX) for _ in range(5)]
for door in doors:
    door.settimeout(60)
    door.connect({socket!r})
    door.sendall(b"{{")
for door in doors:
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
    return said(host, ASK.format(socket=SOCKET, request=request))


def said(host: Container, python: str, user: str = "prefect") -> str:
    """Return what a program says that a user runs on the machine."""
    return host.shell(f"runuser -u {user} -- python3 -c {quoted(python)} 2>&1 || true")


def left(host: Container) -> str:
    """Return what requests have left on the machine."""
    return host.shell(f"ls -d {RUNTIME}/*.* /run/systemd/system/prefect-run-* 2>/dev/null || true")


def test_what_a_run_leaves_in_its_home_is_no_setting_of_the_worker(
    site: Site, host: Container
) -> None:
    before, started = main_pid(host), now()
    said(host, f"open('{HOME}/logging.yml', 'w').write({json.dumps(SETTINGS)!r})")
    # What fsspec reads, which Prefect imports.
    said(host, f"import os; os.makedirs('{HOME}/.config/fsspec')")
    said(host, f"open('{HOME}/.config/fsspec/x.json', 'w').write('{{')")
    host.shell(f"systemctl restart {UNIT}")
    assert main_pid(host) != before
    site.online("shop-reports@worker", started)
    said(host, f"import shutil; shutil.rmtree('{HOME}/.config/fsspec')")
    assert site.api.run("passing-data/passing_data")["state_type"] == "COMPLETED"
    assert host.shell(f"cd {HOME} && ls executed 2>/dev/null; rm logging.yml") == ""


def test_a_run_finds_no_other_process_of_its_user(host: Container, faults: Faults) -> None:
    """Their memory could be written, and their folders are not this sandbox's."""
    script = f"ls -d /proc/self/root && ls -d /proc/{main_pid(host)}/root"
    step: Steps = [{"prefect.deployments.steps.run_shell_script": {"script": script}}]
    message = ended(faults, "where", step)["state"]["message"]
    assert "/root': No such file or directory" in message, message


def test_the_memory_of_a_worker_is_never_dumped(host: Container) -> None:
    """Any process of its user can end it so, and may raise its limits up to the hard ones."""
    pid = main_pid(host)
    attempt = f"import resource; resource.prlimit({pid}, resource.RLIMIT_CORE, (-1, -1))"
    assert "PermissionError" in said(host, attempt)
    assert re.search(r"core file size +1 +1 ", host.shell(f"cat /proc/{pid}/limits"))


def test_no_variable_of_a_run_has_root_load_its_code(
    host: Container, faults: Faults, witness: Witness
) -> None:
    run = faults.ended(faults.start(env=ENVIRONMENT))
    assert run["state_type"] == "COMPLETED", run["state"]
    eventually(lambda: left(host) == "", 30, lambda: f"there is still {left(host)}")
    assert "run_engine.py" in witness.seen("prefect")
    assert witness.seen("root") == ""


def test_no_variable_of_a_worker_has_root_load_its_code(host: Container, witness: Witness) -> None:
    lines = "".join(f"{name}={value}\n" for name, value in ENVIRONMENT.items())
    host.shell(f"cp {SECRETS} /root/kept && printf %s {quoted(lines)} >>{SECRETS}")
    witness.forget()
    host.shell(f"systemctl start {WATCHDOG} {RESTART}")
    host.shell(f"cat /root/kept >{SECRETS} && systemctl restart prefect-worker-shop-reports")
    assert "watchdog.py" in witness.seen("prefect")
    assert witness.seen("root") == ""


def test_no_unit_of_roots_takes_anything_from_another_user(host: Container) -> None:
    units = services(host)
    roots = [unit for unit in units if unit.is_roots]
    assert {unit.name for unit in roots} == {f"{DOOR}@.service", RESTART}
    for unit in units:
        assert unit.raised == [], unit.name
    for unit in roots:
        assert unit.taken == [], unit.name
        paths = " ".join(sorted(unit.paths))
        # Nobody but root may change what root executes, or put something in its place.
        assert host.shell(f"find -L {paths} -maxdepth 0 ! -user root -o -perm /022") == ""


@pytest.mark.parametrize("unit", [f"{DOOR}@any.service", RESTART])
def test_what_is_roots_has_a_sandbox(host: Container, unit: str) -> None:
    verdict = host.shell(f"systemd-analyze security --no-pager --threshold=25 {unit}")
    assert "Overall exposure level" in verdict


def test_a_request_that_does_not_end_is_given_up(host: Container) -> None:
    answers = said(host, IDLE.format(socket=SOCKET)).splitlines()
    assert answers == 5 * ["the request is not accepted (it is not complete after 10 seconds)"]
    assert int(shown(host, f"{DOOR}.socket", "MaxConnections")["MaxConnections"]) <= 512
    for name in ("MemoryMax", "TasksMax"):
        assert shown(host, "system-prefect.slice", name)[name].isdigit()


@pytest.mark.parametrize(
    "run", ["../../../etc/passwd", "/etc/passwd", "x", f"{{{RUN.format(5)}}}/"]
)
def test_what_is_no_identifier_is_refused(host: Container, run: str) -> None:
    assert "not accepted" in ask(host, run, "{}")
    for what in ("stop", "forbidden"):
        request = repr({what: run})
        assert "not accepted" in said(host, ASK.format(socket=SOCKET, request=request))
    assert left(host) == ""


def test_a_limit_that_is_a_line_more_is_refused(host: Container) -> None:
    request = {"start": RUN.format(6), "limits": {"memory_max": "1G\nUser=root"}, "environment": {}}
    assert "not accepted" in said(host, ASK.format(socket=SOCKET, request=repr(request)))
    assert left(host) == ""


def test_the_machine_has_a_ceiling_whatever_a_deployment_says(
    host: Container, faults: Faults
) -> None:
    run = faults.held(memory_max="infinity")
    seen = shown(host, faults.unit(run), "Slice", "MemoryMax")
    assert seen == {"Slice": "prefect.slice", "MemoryMax": "infinity"}
    for name in ("MemoryMax", "TasksMax"):
        assert shown(host, "prefect.slice", name)[name].isdigit()
    faults.let_go(run)
    faults.ended(run)


def test_the_workers_user_may_ask_systemd_for_nothing_else(host: Container) -> None:
    for wish in ("start dbus", "stop ssh", f"start {RESTART}", "set-property ssh CPUQuota=1%"):
        refused = host.ssh(f"sudo runuser -u prefect -- systemctl --no-ask-password {wish}")
        assert refused.returncode != 0, wish
        assert re.search("denied|authentication", refused.stderr), refused.stderr
    assert host.ssh("sudo runuser -u prefect -- systemd-run --no-ask-password id").returncode != 0


def test_another_user_can_neither_ask_the_door_nor_read_what_a_run_has(
    host: Container, faults: Faults
) -> None:
    run = faults.held()
    assert "PermissionError" in said(host, ASK.format(socket=SOCKET, request="{}"), "nobody")
    for path in (f"{RUNTIME}/{run}.env", SECRETS, f"{RECORDS}/{run}"):
        host.shell(f"test -s {path}")
        assert host.ssh(f"sudo runuser -u nobody -- cat {path}").returncode != 0
    pid = main_pid(host, faults.unit(run))
    assert host.ssh(f"sudo runuser -u nobody -- cat /proc/{pid}/environ").returncode != 0
    faults.let_go(run)
    faults.ended(run)


def test_what_lies_among_the_records_costs_no_report(host: Container, faults: Faults) -> None:
    lost = faults.orphan()
    odd = ("a b", "$(id)", "0", "-rf", f"{RUN.format(7)}", f".{RUN.format(8)}")
    for name in odd:
        host.shell(f"printf '[1' >{quoted(f'{RECORDS}/{name}')}")
    host.shell(f"mkdir {RECORDS}/{RUN.format(9)} && ln -s /etc/passwd {RECORDS}/{RUN.format(8)}")
    record = '{"boot": "another", "at": "soon", "retries": []}'
    host.shell(f"printf %s {quoted(record)} >{RECORDS}/{lost} && chown -R prefect {RECORDS}")
    assert "lost power" in faults.said(lost, "lost power")["state"]["message"]
    host.shell(f"rm -rf {RECORDS}/*")


@pytest.mark.parametrize(
    "value", ["'a\\0b' + 900_000 * 'c'", "'\\udcff'", "'\\ufdd0'", "200_000 * 'd'"]
)
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
    eventually(lambda: not faults.is_here(run), 30, "it is still here")
    # The next request removes it.
    ask(host, RUN.format(4), "{'PROJECT_DIR': '/nowhere'}")
    eventually(lambda: left(host) == "", 30, lambda: f"there is still {left(host)}")
