"""What a docker worker on a machine needs, taken away and given back."""

from __future__ import annotations

from dataclasses import dataclass

from tests.docker.lab.machine import GO, OF_THE_USER, SAID_BY_THE_CHECK, UNIT, Worker
from tests.hosts.control.observe import main_pid
from tests.project.processes import wait_until

# What ends while the server is away, or refuses the key, by itself and by force.
UNHEARD = ("ended unheard", "killed unheard")
REFUSED = ("ended refused", "killed refused")
# What the check says then.
NOT_HEARD = "Next time: "


@dataclass
class Outages(Worker):
    """A worker without its engine, its server, its network and its pool."""

    left_of_engine: str = ""

    def _without_an_image_and_an_engine(self) -> None:
        self.pids["before nowhere"] = main_pid(self.host, UNIT)
        self._ended("nowhere", self.api.start_with("demand", {"image": "nowhere:1"}))
        self.pids["nowhere"] = main_pid(self.host, UNIT)
        engine = "prefect-engine-prefect.socket prefect-engine-prefect.service"
        self.host.shell(f"cd / && {OF_THE_USER} stop {engine}")
        self.left_of_engine = self.host.shell("pgrep --full '[p]odman system service' || true")
        self._ended("engine away", self.api.start("demand"))
        self.host.shell(f"cd / && {OF_THE_USER} start prefect-engine-prefect.socket")
        self.pids["engine away"] = main_pid(self.host, UNIT)

    def _without_the_server(self) -> None:
        """Let one run end by itself and one by force while the server is away."""
        runs = self._held_runs(UNHEARD)
        before = self._unheard_reports()
        self.server.close()
        self._end(*(self._container_of(run) for run in runs.values()))
        wait_until(lambda: self._unheard_reports() > before, "a vain report")
        self.server.start()
        for name, run in runs.items():
            self._ended(name, run)

    def _without_the_key(self) -> None:
        """Let one run end by itself and one by force while the server refuses the worker's key."""
        runs = self._held_runs(REFUSED)
        containers = [self._container_of(run) for run in runs.values()]
        self.server.restart(PREFECT_SERVER_API_AUTH_STRING="admin:another-one")
        before = self._unheard_reports()
        self._end(*containers)
        self._podman(f"wait {' '.join(containers)}")
        wait_until(lambda: self._unheard_reports() > before, "a vain report")
        self.server.restart()
        for name, run in runs.items():
            self._ended(name, run)

    def _held_runs(self, names: tuple[str, str]) -> dict[str, str]:
        runs = {name: self._held_run() for name in names}
        for run in runs.values():
            self._wait_for(run, {"RUNNING"})
        return runs

    def _end(self, by_itself: str, by_force: str) -> None:
        self._podman(f"exec {by_itself} touch {GO}")
        self._podman(f"kill --signal KILL {by_force}")

    def _unheard_reports(self) -> int:
        return self.host.shell(SAID_BY_THE_CHECK).count(NOT_HEARD)

    def _without_the_pool(self) -> None:
        """Delete the pool beside a run, and make it again."""
        run = self._held_run()
        self._wait_for(run, {"RUNNING"})
        self.api.request("DELETE", "/work_pools/machines")
        self._let_go("without a pool", run)
        done = self.make("bootstrap")
        assert done.returncode == 0, done.stdout + done.stderr
        # A worker that asked meanwhile has ended, and is started again.
        self._ended("with a pool again", self.api.start("demand"))
