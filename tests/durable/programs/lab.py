"""A Prefect server, and processes that run the attempts of programs on it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any

from tests.durable.programs.attempt import Told
from tests.durable.programs.oracle import Truth, failure
from tests.durable.programs.render import source
from tests.durable.programs.shape import Program
from tests.ports import free_port

ROOT = Path(__file__).parents[3]
SOURCE = Path(os.environ.get("FUZZ_SOURCE", ROOT / "{{cookiecutter.project_slug}}/src"))
"""The folder that has `prefect_durable`."""
HASH_SEEDS = ("1", "2")
"""Of the first attempt and of the retry."""
STARTS_WITHIN = 180.0
"""Seconds that the server has to start, on a machine that is busy with other things."""

SERVER = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    # A busy machine is slow, and that is not what is judged.
    "PREFECT_SERVER_DATABASE_TIMEOUT": "120",
    "PREFECT_SERVER_DATABASE_CONNECTION_TIMEOUT": "120",
    # Flow runs are created and retried by its API; a retry needs nothing else of it.
    **{
        f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false"
        for service in (
            *["SCHEDULER", "LATE_RUNS", "EVENT_PERSISTER", "TRIGGERS", "PAUSE_EXPIRATIONS"],
            *["CANCELLATION_CLEANUP", "FOREMAN"],
        )
    },
}
CLIENT = {
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "true",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    # Nothing is encrypted here, and reading the certificates takes longer than a short flow.
    "PREFECT_API_TLS_INSECURE_SKIP_VERIFY": "true",
}


@dataclass
class Outcome:
    """What was seen of a program: the lines and the end of each attempt."""

    truth: Truth
    fails: tuple[str, int, str, str]
    lines: list[list[dict[str, Any]]] = field(default_factory=list)
    ends: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


class Lab:
    """Runs programs on a server; from several threads, each of which has processes of its own."""

    def __init__(self, folder: Path, url: str, stack: ExitStack) -> None:
        """Use a folder for all that is written."""
        self._folder, self._url, self._stack = folder, url, stack
        self._free: dict[tuple[str, str], Queue[list[subprocess.Popen[str]]]] = {}

    def add(
        self, dialect: str, count: int, python: str = sys.executable, runner: str = "threads"
    ) -> None:
        """Start processes for a dialect and a runner, two for each program that runs at a time."""
        free = self._free[dialect, runner] = Queue()
        for _ in range(count):
            free.put([self._fork_server(dialect, seed, python, runner) for seed in HASH_SEEDS])

    def run(self, program: Program, truth: Truth, dialect: str, name: str) -> Outcome:
        """Run a program with its failure, and retry it in another process on another machine."""
        runner = program.functions[-1].runner
        folder, free = self._folder / dialect / runner / name, self._free[dialect, runner]
        shutil.rmtree(folder, ignore_errors=True)
        outcome = Outcome(truth, failure(program, truth))
        pair = free.get()
        try:
            self._attempt(folder, program, dialect, outcome, pair[0])
            began = "flow_run" in outcome.ends[0]
            if began and outcome.ends[0].get("state") != "COMPLETED":
                self._attempt(folder, program, dialect, outcome, pair[1])
        finally:
            free.put(pair)
        return outcome

    def _attempt(
        self,
        folder: Path,
        program: Program,
        dialect: str,
        outcome: Outcome,
        process: subprocess.Popen[str],
    ) -> None:
        """Run an attempt and add what was seen of it."""
        number = len(outcome.ends) + 1
        code = folder / ("code" if number == 1 else "elsewhere/of/the/code")
        code.mkdir(parents=True)
        for name, text in source(program, dialect).items():
            (code / name).write_text(text)
        files = {name: folder / f"{name}-{number}" for name in ("about", "output")}
        log = folder / f"log-{number}"
        fails = outcome.fails if number == 1 else None
        request = {
            "folder": str(code),
            "told": asdict(Told(number, folder.name, str(log), fails)),
            "loaded": program.loaded,
            "flow_run": outcome.ends[0]["flow_run"] if number > 1 else None,
            "crashed": number > 1 and "state" not in outcome.ends[0],
            **{name: str(path) for name, path in files.items()},
        }
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{json.dumps(request)}\n")
        process.stdin.flush()
        if not process.stdout.readline():
            raise RuntimeError(f"A process for {code} has ended: {process.wait()}")
        about = files["about"]
        lines = log.read_text().splitlines() if log.exists() else []
        outcome.lines.append([json.loads(line) for line in lines])
        outcome.outputs.append(files["output"].read_text())
        outcome.ends.append(json.loads(about.read_text()) if about.exists() else {})

    def _fork_server(
        self, dialect: str, hash_seed: str, python: str, runner: str
    ) -> subprocess.Popen[str]:
        environment = _environment(self._folder) | CLIENT
        environment |= {"PREFECT_API_URL": self._url, "PYTHONHASHSEED": hash_seed}
        module = "tests.durable.programs.forkserver"
        preload = ["prefect_durable"] if dialect == "durable" else []
        process = subprocess.Popen(
            [python, "-m", module, runner, *preload],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._stack.callback(_end, process)
        return process


@contextmanager
def lab(folder: Path, python: str = sys.executable) -> Iterator[Lab]:
    """Start a server with an empty database for a while."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    with ExitStack() as stack, (folder / "server.log").open("w") as log:
        command = [python, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
        server = subprocess.Popen(
            [*command, "--port", str(port)],
            env=_environment(folder) | SERVER,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        stack.callback(_end, server)
        made = Lab(folder, url, stack)
        _wait_until_up(f"{url}/health", server)
        yield made


def _environment(folder: Path) -> dict[str, str]:
    """Return this environment without what tells Prefect anything."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PREFECT")}
    paths = [str(ROOT), str(SOURCE)]
    return kept | {
        "PREFECT_HOME": str(folder / "prefect"),
        "PYTHONPATH": os.pathsep.join(paths),
    }


def _wait_until_up(url: str, server: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"Prefect's server does not answer at {url}.")


def _end(process: subprocess.Popen[Any]) -> None:
    """End a process with all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
