"""Containers whose worker is away, and what others say of them meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.docker.lab.machine import CHECK, LIMIT, SAID_BY_THE_CHECK, UNIT, Worker
from tests.hosts.machines.host import quoted
from tests.project.processes import wait_until

# As many as may run at a time, so that one more has to wait.
HELD = ("patient", "cancelled", "cancelled too", "killed", "lost", "first out")
CANCELLED = HELD[1:3]
# The check as it is when its engine stops a container, and answers too late.
LATE = """\
import sys
sys.path.insert(0, "/etc/prefect/shop-reports/runs")
import check, containers, engine
stop = engine.stop
def late(container):
    stop(container)
    raise engine.AwayError("too late")
engine.stop = late
check.WORKER_CANCELS = 0
containers.main()
"""
# What Prefect says when an engine is too slow for the worker.
SLOW = (
    "Failed to submit flow run to infrastructure: ReadTimeout: UnixHTTPConnectionPool"
    "(host='localhost', port=None): Read timed out. (read timeout=60)"
)
# What the automation says of a run whose machine is silent.
SILENT = {"type": "CRASHED", "name": "Crashed", "message": "No heartbeat for 600 seconds."}


@dataclass
class Absences(Worker):
    """A worker that is restarted, killed and stopped beside its containers."""

    stopped: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    not_heard: str = ""
    _held: dict[str, str] = field(default_factory=dict)
    _given_up: dict[str, str] = field(default_factory=dict)

    def _without_a_worker(self) -> None:
        runs = {HELD[0]: self._held_run()}
        self._with_odd_containers(runs["patient"])
        runs |= {name: self._held_run() for name in HELD[1:]}
        for run in runs.values():
            self._wait_for(run, {"RUNNING"})
        self._not_heard(runs["patient"])
        self._at_its_limit(runs["first out"])
        self.host.shell(f"systemctl kill --kill-who=main --signal=KILL {UNIT}")
        self.host.shell(f"systemctl stop {UNIT} {CHECK}")
        for name in CANCELLED:
            self._set_state(runs[name], {"type": "CANCELLING", "name": "Cancelling"})
        self._podman(f"kill --signal KILL {self._container_of(runs['killed'])}")
        # It stops one of the two, and ends without a word about it.
        self.host.shell(self._as_the_check(f"-c {quoted(LATE)}"))
        self.host.shell(f"systemctl start {CHECK}")
        # Their flows say CRASHED when they are stopped, until the check says why they were.
        for name in CANCELLED:
            self._ended(name, runs[name], {"CANCELLED"})
        self.stopped = [self._container_of(runs[name]) for name in CANCELLED]
        self._ended("killed", runs["killed"])
        self._give_up()
        self.host.shell(f"systemctl start {UNIT}")
        self._held = runs

    def _not_heard(self, run: str) -> None:
        """Have the API take a run for lost with its machine, until that contradicts."""
        self._set_state(run, SILENT)
        self._wait_for(run, {"RUNNING"})
        found = self.api.request("GET", f"/flow_runs/{run}")
        self.not_heard = str(found["state"]["message"]).partition(":")[0]

    def _give_up(self) -> None:
        """Have runs given up, by a worker that was too slow and by the machine of another."""
        slow, lost = self.api.start("demand"), self.api.start_with("demand", {"crash_retries": 1})
        self._set_state(slow, {"type": "CRASHED", "name": "Crashed", "message": SLOW})
        self._set_state(lost, {"type": "RUNNING", "name": "Running"})
        self._set_state(lost, SILENT)
        self._given_up = {"engine slow": slow, "machine lost": lost}

    def _what_became_of_given_up(self) -> None:
        """See what the check made of them, which waits for a minute before it does."""
        lost = self._given_up["machine lost"]
        self._ended("machine lost", lost, {"COMPLETED"})
        self._ended("engine slow", self._given_up["engine slow"])

    def _at_its_limit(self, first: str) -> None:
        """Restart the worker, and ask for one run more than it may have."""
        self.host.shell(f"systemctl restart {UNIT}")
        more = self.api.start("demand")
        said = f"journalctl --no-pager --unit {UNIT}"
        counted = f"{LIMIT} containers that ran before"
        wait_until(lambda: counted in self.host.shell(said), "a count of what runs")
        self._let_go("first out", first)
        self._ended("one more", more)
        self.order = self._times(first, "end_time") + self._times(more, "start_time")

    def _with_odd_containers(self, other: str) -> None:
        """Have one that says it is of another run, and one that is of none."""
        labels = {"labels": {"prefect.io/flow-run-id": other}}
        self._ended("mislabelled", self.api.start_with("demand", labels))
        of = "--env PREFECT__WORKER_NAME=shop-reports@vm --env 'PREFECT__FLOW_RUN_ID=a b'"
        label = "--label 'io.prefect.flow-run-id=a b'"
        self._podman(f"run --detach --name odd {of} {label} {self._named()} true")
        executes = "odd executes no"
        wait_until(lambda: executes in self.host.shell(SAID_BY_THE_CHECK), "a word about it")
