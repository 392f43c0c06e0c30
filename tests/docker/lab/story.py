"""What happens to a docker worker on a machine, from its first run to a loss of power."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.docker.lab.absences import Absences
from tests.docker.lab.machine import ENGINE_USER, RECORDS, SETTINGS, UNIT
from tests.docker.lab.outages import Outages
from tests.docker.lab.releases import Releases
from tests.hosts.control.observe import main_pid
from tests.hosts.machines.host import quoted
from tests.project.processes import wait_until

TIDIED = f"{RECORDS}/.tidied"
REMOVED = ["-e", "prefect_worker_state=absent prefect_worker_removed={{inventory_hostname}}"]
HAVE_ENDED = "--all --quiet --filter status=exited --filter status=created"


@dataclass
class Story(Releases, Absences, Outages):
    """What was said and seen on the way."""

    objects: Callable[[], list[str]] = list
    kept: list[str] = field(default_factory=list)
    left_of_second: str = ""
    is_drained_too_early: bool = False
    unnamed: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def tell(self) -> None:
        """Let happen what is of the engine, and all that is of the worker's own programs."""
        self._make_a_worker()
        self._without_a_worker()
        self._without_an_image_and_an_engine()
        self._without_the_server()
        self._without_the_key()
        self._with_a_bad_image()
        self._without_the_pool()
        self._with_another_image()
        self._what_was_held()
        self._back_and_forth()
        self._after_a_loss_of_power()
        self._after_a_shutdown()
        # The image before is in use until the last of its containers has ended.
        self._after_a_day()
        self._with_a_second_worker()

    def tell_in_short(self) -> None:
        """Let happen what is of the engine, as each system has its own."""
        self._make_a_worker()
        self._without_a_worker()
        self._what_was_held()
        self._after_a_loss_of_power()
        self._after_a_day()
        self._with_a_second_worker()

    def _what_was_held(self) -> None:
        self._let_go("patient", self._held["patient"])
        self._what_became_of_given_up()

    def remove(self) -> None:
        """Take the worker away, and what another such play had left when it was killed."""
        user = self.host.shell(f"getent passwd {ENGINE_USER}").split(":")
        self._play(*REMOVED).succeeded()
        self.host.shell(f"useradd --system --comment {quoted(user[4])} {ENGINE_USER}")
        self.host.shell(f"install -D --mode 640 /etc/hostname {SETTINGS}")
        self._play(*REMOVED).succeeded()

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
        self._play(*REMOVED, worker="second").succeeded()
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
