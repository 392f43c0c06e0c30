"""What idle workers ask of the API, with the role's settings and Prefect's; the server counts.

The servers have PostgreSQL: with SQLite, Prefect answers a hundred connections at a time and no
more (`RequestLimitMiddleware`), and each worker holds three for as long as it runs.
"""

from __future__ import annotations

import re
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from benchmarks.needs import lacking
from benchmarks.pace import Pace
from benchmarks.postgres import NEEDS, Postgres
from benchmarks.processor import cpu_seconds
from benchmarks.rows import Line, Row, compared, not_measured
from benchmarks.stage import FOLDER, TOP
from tests.results.lab.programs import Programs, wait_until
from tests.results.lab.project import BUILD, clean_environment, virtual_environment
from tests.results.lab.server import Server

WORKERS = "benchmarks.in_project.workers"
ROLE = TOP / "ansible/roles/prefect_worker"
RUNS = ROLE / "files/runs"
ONE, MANY = 1, 50
# A window is longer than the longest pause of a worker that asks every 10 s, a third more or less.
TURNS, WINDOW = 5, 13.5
DAY = 24 * 60 * 60
REQUEST = re.compile(
    rb'^(\d\d):(\d\d):(\d\d\.\d+) .*"(?:GET|POST|PUT|PATCH|DELETE) /api/\S+ HTTP', re.MULTILINE
)
ASKED_FOR_RUNS = b"/get_scheduled_flow_runs "
ROWS = tuple(
    Row(f"requests a minute of {words}, idle, PostgreSQL", "the same with Prefect's settings")
    for words in ("one worker", f"{MANY} workers")
)


def measure(pace: Pace) -> Iterator[Line]:
    """Count all at the same time, each at a server of its own."""
    if reason := lacking(NEEDS):
        yield from (not_measured(row, reason) for row in ROWS)
        return
    programs = Programs(BUILD / "logs")
    many = pace.either(MANY, 2)
    with ExitStack() as stack:
        postgres = Postgres()
        stack.callback(postgres.remove)
        stack.callback(programs.kill_all)
        sides = [
            tuple(Side(programs, postgres, count, ours=ours) for ours in (True, False))
            for count in (ONE, many)
        ]
        for act in (Side.wait_for_server, Side.start, Side.wait):
            for side in (each for pair in sides for each in pair):
                act(side)
        for _ in pace.turns(TURNS, f"requests of 1 and of {many} workers"):
            _watch([each for pair in sides for each in pair], pace.either(WINDOW, 20.0))
    (ours_one, other_one), (ours_many, other_many) = sides
    each = (_each_more(ours_one, ours_many), _each_more(other_one, other_many))
    notes = (
        _note(ours_one, other_one),
        f"one worker more takes {each[0]:.0f} ms a minute of the server's processor, against"
        f" {each[1]:.0f} ms; {_note(ours_many, other_many)}",
    )
    for row, (ours, others), note in zip(ROWS, sides, notes, strict=True):
        yield compared(row, ours.asked, others.asked, "a minute", note)


@dataclass
class Side:
    """Workers, and the server that they ask."""

    programs: Programs
    postgres: Postgres
    count: int
    ours: bool
    asked: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start the server, which writes down what it is asked."""
        self.name = f"{'role' if self.ours else 'default'}-{self.count}"
        self.server = Server(
            self.programs,
            self.name,
            wait=False,
            PREFECT_SERVER_LOGGING_LEVEL="INFO",
            PREFECT_SERVER_DATABASE_CONNECTION_URL=self.postgres.database(self.name),
        )

    def wait_for_server(self) -> None:
        """Wait for the server, which starts beside the others."""
        self.server.wait()

    def start(self) -> None:
        """Start the workers."""
        self._before = self.server.log.stat().st_size
        folder = FOLDER / self.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        environment = clean_environment(folder) | {
            "PREFECT_API_URL": self.server.url,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "PYTHONPATH": str(TOP),
        }
        command: list[str | Path] = [virtual_environment() / "bin/python", "-m", WORKERS]
        command += [self.name, str(self.count)]
        if self.ours:
            environment["PREFECT_WORKER_QUERY_SECONDS"] = str(query_seconds())
            command += [RUNS, str(check_seconds())]
        self.programs.start(f"workers-{self.name}", command, environment, folder)

    def requests(self) -> list[float]:
        """When the workers asked for something, in seconds of the day."""
        found = REQUEST.findall(_read(self.server.log, self._before))
        return [3600 * int(hour) + 60 * int(minute) + float(rest) for hour, minute, rest in found]

    def wait(self) -> None:
        """Wait until each worker has asked for runs."""
        wait_until(
            lambda: _read(self.server.log, self._before).count(ASKED_FOR_RUNS) >= self.count,
            f"{self.count} workers do not ask for runs",
        )


def query_seconds() -> float:
    """How often a worker of the role asks for runs."""
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))
    return float(defaults["prefect_worker_query_seconds"])


def check_seconds() -> float:
    """How often the role's timer looks after runs."""
    timer = (ROLE / "templates/check.timer.j2").read_text(encoding="utf-8")
    found = re.search(r"^OnUnitInactiveSec=(\d+)s$", timer, re.M)
    if found is None:
        raise ValueError("The timer of the role does not say OnUnitInactiveSec=<number>s.")
    return float(found[1])


def _watch(sides: list[Side], seconds: float) -> None:
    began = time.monotonic()
    before = [(len(side.requests()), cpu_seconds(side.server.pid)) for side in sides]
    time.sleep(seconds)
    for side, (earlier, cpu) in zip(sides, before, strict=True):
        passed = time.monotonic() - began
        side.busy.append(100 * (cpu_seconds(side.server.pid) - cpu) / passed)
        # From the last request before to the last one in it: a window holds one or two of those
        # that come every 10 s, and which of both is chance.
        _, *more = moments = side.requests()[earlier - 1 :]
        side.asked.append(60 * len(more) / ((moments[-1] - moments[0]) % DAY))


def _read(log: Path, offset: int) -> bytes:
    with log.open("rb") as file:
        file.seek(offset)
        return file.read()


def _each_more(one: Side, many: Side) -> float:
    """Milliseconds a minute of the server's processor for each worker beyond the first."""
    percent = statistics.median(many.busy) - statistics.median(one.busy)
    return 600 * percent / (many.count - one.count)


def _note(ours: Side, others: Side) -> str:
    mine, other = (statistics.median(side.busy) for side in (ours, others))
    return (
        f"asked for runs every {query_seconds():g} s, beside the timer's questions every"
        f" {check_seconds():g} s; that keeps the server's processor busy for {mine:.1f} %, against"
        f" {other:.1f} %"
    )
