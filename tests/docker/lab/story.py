"""What happens to a docker worker on a machine, from its first run to a loss of power."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.docker.lab import attempts
from tests.docker.lab.machine import (
    CHECK,
    ENGINE_USER,
    HOME,
    LIMIT,
    RECORDS,
    SAID_BY_THE_CHECK,
    SETTINGS,
    UNIT,
)
from tests.docker.lab.outages import Outages
from tests.hosts.control.boundaries import KILL, at_boundaries
from tests.hosts.control.observe import main_pid
from tests.hosts.control.playbook import Played
from tests.hosts.control.project import TOOLS
from tests.hosts.machines.host import quoted
from tests.project.processes import wait_until

# As many as may run at a time, so that one more has to wait.
HELD = ("patient", "cancelled", "cancelled too", "killed", "lost", "first out")
CANCELLED = HELD[1:3]
TIDIED = f"{RECORDS}/.tidied"
HAVE_ENDED = "--all --quiet --filter status=exited --filter status=created"
ATTACK = Path(__file__).with_name("attack.sh")
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
# Tasks after which a play is killed.
BRING = "Bring the image"
UNDO = "Undo what the play has changed of the worker"
# Of root's alone, and what a container with the engine's folder could put in the place of a file.
OF_ROOT = "/etc/of-root"
PLANTED = f"{HOME}/engine.env"
# What Prefect says when an engine is too slow for the worker.
SLOW = (
    "Failed to submit flow run to infrastructure: ReadTimeout: UnixHTTPConnectionPool"
    "(host='localhost', port=None): Read timed out. (read timeout=60)"
)


@dataclass
class Story(Outages):
    """What was said and seen on the way."""

    objects: Callable[[], list[str]] = list
    images: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    left_of_second: str = ""
    is_drained_too_early: bool = False
    unnamed: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    second: dict[str, Counter[str]] = field(default_factory=dict)
    printed: dict[str, str] = field(default_factory=dict)
    names: tuple[str, list[str]] = ("", [])
    names_interrupted: list[str] = field(default_factory=list)
    names_undone: tuple[str, list[str]] = ("", [])
    order: list[str] = field(default_factory=list)
    played: dict[str, Played] = field(default_factory=dict)
    _held: dict[str, str] = field(default_factory=dict)
    _slow: str = ""

    def tell(self) -> None:
        """Make a worker of the machine, then let happen what happens to workers."""
        self._make_a_worker()
        self._without_a_worker()
        self._without_an_image_and_an_engine()
        self._without_the_server()
        self._without_the_key()
        self._with_a_bad_image()
        self._without_the_pool()
        self._with_another_image()
        self._back_and_forth()
        self._after_a_loss_of_power()
        self._after_a_shutdown()
        # The image before is in use until the last of its containers has ended.
        self._after_a_day()
        self._with_a_second_worker()

    def tell_in_short(self) -> None:
        """Tell what is in the hands of the engine, as each system has its own."""
        self._make_a_worker()
        self._without_a_worker()
        self._let_go("patient", self._held["patient"])
        self._after_a_loss_of_power()
        self._after_a_day()

    def remove(self) -> Played:
        """Run the playbook that takes the worker away."""
        return self._play("-e", "prefect_worker_state=absent")

    def _make_a_worker(self) -> None:
        self._bring_image()
        self.played["made"] = self._play().succeeded()
        self.images["made"] = self._image()
        self.host.shell(f"install --mode 600 /etc/hostname {OF_ROOT}")
        self.host.shell(f"runuser -u {ENGINE_USER} -- ln -s -f {OF_ROOT} {PLANTED}")
        runs = attempts.start(self.api)
        self.played["again"] = self._play()
        self.pids["again"] = main_pid(self.host, UNIT)
        self._go_on(runs)
        self._attack()

    def _go_on(self, runs: dict[str, str]) -> None:
        """Let each run have its second attempt."""
        attempts.retry(self.api, runs["button"])
        # By then it would have been reported.
        wait_until(lambda: self._is_settled(runs["suspended"]), "a look at what is suspended")
        attempts.resume(self.api, runs["suspended"])
        self.second = {name: attempts.second(self.api, run) for name, run in runs.items()}

    def _attack(self) -> None:
        """Have a container with root's rights and all files of the machine."""
        script = quoted(ATTACK.read_text())
        self.host.shell(f"printf %s {script} >/tmp/attack.sh")
        self._podman(f"create --name innocent {self._named()} true")
        self._podman("commit --change 'USER root' innocent attack:latest")
        self._podman("rm innocent")
        variables = {
            "image": "localhost/attack:latest",
            "volumes": ["/:/h"],
            "command": "sh /h/tmp/attack.sh",
        }
        self._ended("attack", run := self.api.start_with("demand", variables))
        self.printed["attack"] = self._output(run)

    def _without_a_worker(self) -> None:
        runs = {HELD[0]: self._held_run()}
        self._with_odd_containers(runs["patient"])
        runs |= {name: self._held_run() for name in HELD[1:]}
        for run in runs.values():
            self._wait_for(run, {"RUNNING"})
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
        self._slow = self.api.start("demand")
        self._set_state(self._slow, {"type": "CRASHED", "name": "Crashed", "message": SLOW})
        self.host.shell(f"systemctl start {UNIT}")
        self._held = runs

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

    def _with_a_bad_image(self) -> None:
        archive = self.project.folder.parent / "bad.tar"
        image = self._named()
        container = self.engine.docker("create", image, "true").strip()
        self.engine.docker("commit", "--change", "ENV PATH=/nowhere", container, image)
        self.engine.docker("rm", container)
        self.engine.docker("save", "--output", str(archive), image)
        self.played["bad"] = self._play("-e", f"prefect_worker_image_archive={archive}")
        self.images["put back"] = self._image()

    def _with_another_image(self) -> None:
        self.pids["before upgrade"] = main_pid(self.host, UNIT)
        replaced = self._named()
        self._change('print("taken"', 'print("taken anew"')
        self._bring_image()
        self._interrupted(replaced)
        self.host.shell(f"echo '# By hand.' >>{SETTINGS}")
        self.pids["engine before"] = self._engine_pid()
        self.played["upgraded"] = self._play()
        self.pids["engine after"] = self._engine_pid()
        self.pids["upgraded"] = main_pid(self.host, UNIT)
        self._let_go("patient", self._held["patient"])
        self.images["upgraded"] = self._image()
        self._ended("engine slow", self._slow)

    def _interrupted(self, replaced: str) -> None:
        """Kill a play when it has brought the image, and the next one when it has undone that."""
        self._play(**at_boundaries({BRING: KILL}))
        self.names_interrupted = self._images()
        self.played["undone"] = self._play(**at_boundaries({UNDO: KILL}))
        self.names_undone = self._named(), self._images()
        self.printed["undone"] = self._printed_by_a_run("undone", image=replaced)

    def _back_and_forth(self) -> None:
        """Go back to the release before, then on to another one."""
        self.played["back"] = self._play("-e", "prefect_worker_state=rolled_back")
        self.printed["back"] = self._printed_by_a_run("back")
        self._change('print("taken anew"', 'print("taken again"')
        replaced = self._named()
        # The two newest stay, and the one before.
        self.host.shell("touch --date=yesterday /opt/prefect/shop-reports/previous/.ready")
        self._inventory(prefect_worker_releases_kept=2)
        done = self.make("provision", PATH=f"{TOOLS}:{os.environ['PATH']}")
        assert done.returncode == 0, done.stdout + done.stderr
        self.printed["forth"] = self._printed_by_a_run("forth")
        self.names = replaced, self._images()

    def _tidied(self) -> bool:
        """Have all that ended removed; what has just ended may be its worker's to report."""
        self.host.shell(f"rm -f {TIDIED}")
        self.host.shell(self._as_the_check("/etc/prefect/shop-reports/runs containers 0"))
        return not self._podman(f"ps {HAVE_ENDED}").strip()

    def _after_a_day(self) -> None:
        # A run is COMPLETED a moment before its container ends.
        wait_until(lambda: not self._podman("ps --quiet").strip(), "the end of all containers")
        self.ended = self._podman(f"ps {HAVE_ENDED}").split()
        # Instead of the timer's, which would be in its way.
        self.host.shell("systemctl stop prefect-check-shop-reports.timer")
        self.host.shell("systemctl stop prefect-check-shop-reports.service")
        wait_until(self._tidied, "the tidying")
        self.host.shell("systemctl start prefect-check-shop-reports.timer")
        self.unnamed = self._podman("images --quiet --filter dangling=true").split()

    def _after_a_loss_of_power(self) -> None:
        self.host.kill()
        self.host.start()
        self.host.wait()
        self._ended("lost", self._held["lost"])
        self._ended("returned", self.api.start("passing_data"))
        self.pids["returned"] = main_pid(self.host, UNIT)
        self.kept = self.objects()

    def _after_a_shutdown(self) -> None:
        run = self._held_run()
        self._wait_for(run, {"RUNNING"})
        self.host.stop()
        self.host.start()
        self.host.wait()
        self._ended("shut down", run)

    def _with_a_second_worker(self) -> None:
        """Make another worker of the machine, and take it away while both have a run."""
        self._play(worker="second").succeeded()
        self.host.shell(f"systemctl stop {UNIT}")
        theirs = self._held_run()
        self._wait_for(theirs, {"RUNNING"})
        self.host.shell(f"systemctl stop prefect-worker-second && systemctl start {UNIT}")
        # Its label says what is not so.
        mine = self._held_run(labels={"io.prefect.worker-name": "second@second"})
        self._wait_for(mine, {"RUNNING"})
        self._play("-e", "prefect_worker_state=absent", worker="second").succeeded()
        self._ended("of the second", theirs)
        self.left_of_second = self._containers_of(theirs)
        self._drained(mine)

    def _drained(self, run: str) -> None:
        """Drain the worker, whose run ends later."""
        with ThreadPoolExecutor() as beside:
            playing = beside.submit(self._play, "-e", "prefect_worker_state=drained")
            asked = f"systemctl is-active {UNIT} || true"
            wait_until(lambda: self.host.shell(asked) != "active\n", "the end of the worker")
            self.is_drained_too_early = playing.done()
            self._let_go("of the first", run)
            self.played["drained"] = playing.result()
