"""What the programs do that look after flow runs, whatever the API and the engine answer."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.template.options import TEMPLATE

RUNS = TEMPLATE / "ansible/roles/prefect_worker/files/runs"
ODD = [f"{number}0000000-0000-4000-8000-000000000000" for number in range(6)]
RUN = "f0000000-0000-4000-8000-000000000000"
ENDED = {"reason": "killed by signal 9 (SIGKILL)"}


class Answers(BaseHTTPRequestHandler):
    """Answer from what is in `there`, by path; and note the states that are proposed."""

    there: dict[str, Any]
    proposed: list[dict[str, Any]]

    def do_GET(self) -> None:
        """Answer with JSON, or with text as it is."""
        found = self.there.get(self.path.partition("?")[0], [])
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Note what is proposed."""
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
        if self.path.endswith("/set_state"):
            self.proposed.append(body["state"])
            self.there[self.path] = {"status": "ACCEPT"}
        self.do_GET()

    def address_string(self) -> str:
        """Return nothing: a socket that is a file has no address."""
        return ""

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class Machine:
    """A folder of records, and what the programs are told where."""

    def __init__(self, folder: Path, url: str, answers: type[Answers]) -> None:
        """Begin with no record and a run that is RUNNING."""
        self.records = folder / "records"
        self.records.mkdir()
        self.there, self.proposed = answers.there, answers.proposed
        self.environment = {
            "PREFECT_API_URL": url,
            "DOCKER_HOST": f"unix://{folder / 'engine'}",
            "PREFECT__FLOW_RUN_ID": RUN,
            "RUN_GROUPS": str(folder),
            "RUN_POOL": "pool",
            "RUN_RECORDS": str(self.records),
            "RUN_UNIT": "unit",
            "RUN_WORKER": "worker",
        }
        self.be(RUN, "RUNNING")

    def be(self, run: str, state: str, **found: Any) -> None:
        """Have the API say this of a run."""
        policy = {"retries": 0, "retry_delay": 0, "retry_type": None}
        self.there[f"/flow_runs/{run}"] = {
            "id": run,
            "state": {"type": state, "name": state.title(), "message": ""},
            "empirical_policy": policy,
            "run_count": 1,
            "deployment_id": None,
            "labels": {},
            **found,
        }

    def does(self, *program: str, standard_input: str = "", **environment: str) -> str:
        """Return what a program says."""
        options = {"standard_input": standard_input, **environment}
        return self.executes(str(RUNS), *program, **options)

    def executes(self, *arguments: str, standard_input: str = "", **environment: str) -> str:
        """Return what Python says, which has to end soon."""
        # No byte code: projects are generated from this folder in the meantime.
        done = subprocess.run(
            [sys.executable, "-IB", *arguments],
            env={**self.environment, **environment},
            input=standard_input,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def write(self, run: str, record: dict[str, Any]) -> Path:
        """Leave a record of a run."""
        path = self.records / run
        path.write_text(json.dumps(record))
        return path


@pytest.fixture
def answers() -> type[Answers]:
    """Return what the API and the engine of one test answer with."""
    return type("OfOneTest", (Answers,), {"there": {}, "proposed": []})


@pytest.fixture
def machine(tmp_path: Path, answers: type[Answers]) -> Iterator[Machine]:
    """Return a machine whose API answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), answers)
    with serving(server):
        yield Machine(tmp_path, f"http://127.0.0.1:{server.server_port}", answers)


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Have a server answer meanwhile."""
    with server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        try:
            yield
        finally:
            server.shutdown()


def test_no_record_stops_the_report_of_another_run(machine: Machine) -> None:
    (machine.records / ODD[0]).write_text("[" * 50_000)
    with (machine.records / ODD[1]).open("w") as sparse:
        sparse.truncate(7 << 40)
    (machine.records / ODD[2]).symlink_to("/dev/zero")
    os.mkfifo(machine.records / ODD[3])
    (machine.records / ODD[4]).mkdir()
    machine.write(ODD[5], {**ENDED, "retries": 10**4000})
    machine.write(RUN, ENDED)
    said = machine.does("check")
    assert [said.count(run) > 0 for run in ODD[:5]] == 5 * [True]
    assert machine.proposed[-1]["message"] == "Killed by signal 9 (SIGKILL)."
    assert not (machine.records / RUN).exists()


def test_a_flood_of_records_keeps_no_report_waiting(machine: Machine) -> None:
    runs = [f"f{number}000000-0000-4000-8000-000000000000" for number in range(2)]
    flood = [f"00000000-0000-4000-8000-{number:012}" for number in range(20)]
    for run in [runs[0], *flood, runs[1]]:
        machine.be(run, "RUNNING")
        machine.write(run, ENDED)
    lines = machine.does("check").splitlines()
    assert {line.partition(" ")[0] for line in lines[:2]} == set(runs)


def test_a_flood_of_records_leaves_time_for_all_else(machine: Machine) -> None:
    for number in range(20):
        machine.write(f"00000000-0000-4000-8000-{number:012}", ENDED)
    machine.be(RUN, "PENDING")
    machine.there[f"/flow_runs/{RUN}"]["state"]["timestamp"] = "2026-01-01T00:00:00Z"
    machine.there["/flow_runs/filter"] = [machine.there[f"/flow_runs/{RUN}"]]
    check = f"import sys; sys.path[:0] = [{str(RUNS)!r}]; import check; "
    said = machine.executes("-c", f"{check}check.FOR_RECORDS = -1; check.main()").splitlines()
    assert said == ["20 records are left for the next time", f"{RUN} SCHEDULED: ACCEPT"]


def test_a_pipe_in_the_place_of_a_new_record_does_not_stop_a_report(machine: Machine) -> None:
    os.mkfifo(machine.records / f".{RUN}")
    machine.does("report", SERVICE_RESULT="signal", EXIT_CODE="killed", EXIT_STATUS="KILL")
    assert machine.proposed[-1]["message"] == "Killed by signal 9 (SIGKILL)."


@pytest.mark.parametrize(
    ("answer", "told"),
    [("c000003e 237", "forbids (system call 237"), ("", "sig=31"), ("c0 1\u00b2", "sig=31")],
)
def test_a_run_that_the_sandbox_ends_is_reported_with_what_root_tells(
    machine: Machine, tmp_path: Path, answer: str, told: str
) -> None:
    class Root(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            assert json.loads(self.rfile.read()) == {"forbidden": RUN}
            self.wfile.write(answer.encode())

    door = str(tmp_path / "door")
    ended = {"SERVICE_RESULT": "signal", "EXIT_CODE": "killed", "EXIT_STATUS": "SYS"}
    with serving(socketserver.UnixStreamServer(door, Root)):
        machine.does("report", RUN_SOCKET=door, **ended)
    assert told in machine.proposed[-1]["message"]


@pytest.mark.parametrize("answer", [b" " * (17 << 20) + b"{}", b"[" * 100_000])
def test_an_answer_without_end_is_no_answer(machine: Machine, answer: bytes) -> None:
    machine.there[f"/flow_runs/{RUN}"] = answer
    path = machine.write(RUN, ENDED)
    assert "Kept for later" in machine.does("check")
    assert path.exists()


def test_a_container_whose_id_is_a_path_is_left_alone(
    machine: Machine, answers: type[Answers], tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    listed = [{"Id": "./../victim", "Created": 0, "State": "exited"}]
    machine.there["/v1.41/containers/json"] = listed
    shown = {"Name": "odd", "Config": {"Env": []}}
    machine.there["/v1.41/containers/./../victim/json"] = shown
    systemctl = tmp_path / "systemctl"
    systemctl.write_text("#!/bin/sh\necho ActiveState=inactive\n")
    systemctl.chmod(0o755)
    with serving(socketserver.UnixStreamServer(str(tmp_path / "engine"), answers)):
        machine.does("containers", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert victim.read_text() == "mine"


def test_a_delay_beyond_the_calendar_is_bounded(machine: Machine) -> None:
    policy = {"retries": 1, "retry_delay": 10**12, "retry_type": None}
    machine.be(RUN, "RUNNING", empirical_policy=policy, deployment_id=RUN)
    machine.write(RUN, ENDED)
    machine.does("check")
    assert [state["name"] for state in machine.proposed] == ["Crashed", "AwaitingRetry"]


@pytest.mark.parametrize("value", ["\ufdd0", "\uffff", "\U0001fffe", "\udcff", "\0"])
def test_a_value_that_systemd_would_log_is_refused_without_it(machine: Machine, value: str) -> None:
    said = starts(machine, {"WORD": f"secret{value}"})
    assert said == "the request is not accepted (WORD is not text)\n"


def test_an_environment_that_quoting_makes_too_large_is_refused(machine: Machine) -> None:
    environment = {f"WORD_{number}": 100_000 * "$" for number in range(4)}
    assert "its environment is larger than 524288 bytes" in starts(machine, environment)


@pytest.mark.parametrize(
    "name", ["SERVICE_RESULT", "EXIT_CODE", "EXIT_STATUS", "RUN_TIME_MAX", "RUN_MEMORY_MAX"]
)
def test_a_request_does_not_say_how_its_run_ended(machine: Machine, name: str) -> None:
    # What is dropped is not looked at either.
    machine.records.rmdir()
    assert "No such file" in starts(machine, {name: "\0"})
    assert f"X{name} is not text" in starts(machine, {f"X{name}": "\0"})


def starts(machine: Machine, environment: dict[str, str]) -> str:
    """Return the answer to a request."""
    request = json.dumps({"start": RUN, "limits": {}, "environment": environment})
    runtime = str(machine.records)
    return machine.does(
        "start", "unit", "0", "self", standard_input=request, RUNTIME_DIRECTORY=runtime
    )


@pytest.mark.parametrize(("home", "asked"), [("/links", None), ("/mine", "/mine")])
def test_a_run_has_a_home_of_its_own_and_not_its_workers(
    machine: Machine, tmp_path: Path, home: str, asked: str | None
) -> None:
    requests: list[dict[str, Any]] = []

    class Root(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            requests.append(json.loads(self.rfile.read()))
            self.wfile.write(b"no")

    door = str(tmp_path / "door")
    # No systemd has been started here.
    launch = f"import sys; sys.path[:0] = [{str(RUNS)!r}]; import launch, records; "
    launch += "records.FIRST = records.BOOT; launch.main()"
    with serving(socketserver.UnixStreamServer(door, Root)):
        machine.executes("-c", launch, HOME=home, RUN_SOCKET=door, RUN_PROJECT="/links/current")
    assert requests[0]["environment"].get("HOME") == asked


CLEAN = {"SERVICE_RESULT": "success", "EXIT_CODE": "exited", "EXIT_STATUS": "0"}


@pytest.mark.parametrize(
    ("state", "begun", "told"),
    [
        ("RUNNING", 1, ["Exited with status 0."]),
        ("PENDING", 0, ["Exited with status 0, before the flow began."]),
        ("CANCELLING", 1, ["Flow run was cancelled successfully."]),
        *((state, 1, []) for state in ("PENDING", "PAUSED", "SCHEDULED", "CRASHED", "COMPLETED")),
    ],
)
def test_a_run_that_exits_without_an_error_is_reported_unless_it_has_told_the_api(
    machine: Machine, state: str, begun: int, told: list[str]
) -> None:
    machine.be(RUN, state, run_count=begun)
    machine.write(RUN, {})
    machine.does("report", **CLEAN)
    assert [each["message"] for each in machine.proposed] == told
    assert not (machine.records / RUN).exists()


def test_a_run_that_exits_while_the_api_is_away_is_settled_later(machine: Machine) -> None:
    machine.does("report", **CLEAN, PREFECT_API_URL="http://127.0.0.1:9")
    machine.does("check")
    assert [each["message"] for each in machine.proposed] == ["Exited with status 0."]
