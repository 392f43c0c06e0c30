"""A docker worker on a machine of its own, from its first run to a loss of power.

The machine is a container with systemd. Its engine can do all but one thing: the control groups of
such a machine have no limits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from tests.docker.lab.engine import Engine
from tests.hosts.control.observe import main_pid
from tests.hosts.control.playbook import Played, play
from tests.hosts.control.project import Project
from tests.hosts.machines.container import Container
from tests.hosts.machines.host import quoted
from tests.hosts.machines.lab import Lab
from tests.project.api import ENDED, Api
from tests.project.baked import Make
from tests.project.processes import wait_until

UNIT = "prefect-worker-shop-reports.service"
IMAGE = "shop-reports:latest"
HOME = "/var/lib/prefect/.engine-prefect"
SETTINGS = "/etc/prefect/.engine-prefect/engine.env"
SOCKET = f"unix://{HOME}/podman.sock"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
OF_THE_USER = (
    "runuser -u prefect -- env XDG_RUNTIME_DIR=/run/user/$(id -u prefect) systemctl --user"
)
HELD = ("patient", "cancelled", "cancelled too", "killed", "lost")
CANCELLED = HELD[1:3]
GO = "/tmp/go"
# Without a process in between that outlives it.
AT_ONCE = {"command": "python -m prefect.engine"}
CHECK = "prefect-check-shop-reports.timer"
TIDIED = "/var/lib/prefect/shop-reports/runs/shop-reports/.tidied"
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
# Of root's alone, and what a container with the engine's folder could put in the place of a file.
OF_ROOT = "/etc/of-root"
PLANTED = f"{HOME}/engine.env"
# What Prefect says when an engine is too slow for the worker.
SLOW = (
    "Failed to submit flow run to infrastructure: ReadTimeout: UnixHTTPConnectionPool"
    "(host='localhost', port=None): Read timed out. (read timeout=60)"
)


@dataclass
class Story:
    """What was said and seen on the way."""

    host: Container
    api: Api
    make: Make
    project: Project
    engine: Engine
    address: dict[str, str]
    objects: Callable[[], list[str]]
    states: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    left_of_engine: str = ""
    unnamed: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    containers: tuple[list[str], list[str]] = ([], [])
    _held: dict[str, str] = field(default_factory=dict)
    _slow: str = ""
    played: dict[str, Played] = field(default_factory=dict)

    def tell(self) -> None:
        """Make a worker of the machine, then let happen what happens to workers."""
        self._make_a_worker()
        self._without_a_worker()
        self._without_an_image_and_an_engine()
        self._with_a_bad_image()
        self._with_another_image()
        self._after_a_loss_of_power()
        # The image before is in use until the last of its containers has ended.
        self._after_a_day()

    def tell_in_short(self) -> None:
        """Tell what is in the hands of the engine, as each system has its own."""
        self._make_a_worker()
        self._without_a_worker()
        self._let_go()
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
        self.host.shell(f"runuser -u prefect -- ln -s -f {OF_ROOT} {PLANTED}")
        self.played["again"] = self._play()
        self.pids["again"] = main_pid(self.host, UNIT)

    def _without_a_worker(self) -> None:
        runs = {name: self.api.start_with("demand", AT_ONCE, until=GO) for name in HELD}
        for run in runs.values():
            self._wait_for(run, {"RUNNING"})
        self.host.shell(f"systemctl restart {UNIT}")
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

    def _with_a_bad_image(self) -> None:
        archive = self.project.folder.parent / "bad.tar"
        container = self.engine.docker("create", IMAGE, "true").strip()
        self.engine.docker("commit", "--change", "ENV PATH=/nowhere", container, IMAGE)
        self.engine.docker("rm", container)
        self.engine.docker("save", "--output", str(archive), IMAGE)
        self.played["bad"] = self._play("-e", f"prefect_worker_image_archive={archive}")
        self.images["put back"] = self._image()

    def _with_another_image(self) -> None:
        self.pids["before upgrade"] = main_pid(self.host, UNIT)
        self.project.append("src/shop_reports/flows/demand.py", "\n# Changed.\n")
        self._bring_image()
        self.host.shell(f"echo '# By hand.' >>{SETTINGS}")
        self.pids["engine before"] = self._engine_pid()
        self.played["upgraded"] = self._play()
        self.pids["engine after"] = self._engine_pid()
        self.pids["upgraded"] = main_pid(self.host, UNIT)
        self._let_go()
        self.images["upgraded"] = self._image()
        self._ended("engine slow", self._slow)

    def _tidied(self) -> bool:
        self.host.shell(self._as_the_check("/etc/prefect/shop-reports/runs containers 0"))
        return self.host.shell(f"ls {TIDIED} || true").strip() == TIDIED

    def _let_go(self) -> None:
        patient = self._held["patient"]
        self._podman(f"exec {self._container_of(patient)} touch {GO}")
        self._ended("patient", patient)

    def _after_a_day(self) -> None:
        # A run is COMPLETED a moment before its container ends.
        wait_until(lambda: not self._podman("ps --quiet").strip(), "the end of all containers")
        ended = "ps --all --quiet --filter status=exited"
        before = self._podman(ended).split()
        # Instead of the timer's, which would be in its way.
        self.host.shell("systemctl stop prefect-check-shop-reports.timer")
        self.host.shell("systemctl stop prefect-check-shop-reports.service")
        self.host.shell(f"rm -f {TIDIED}")
        # What has just ended may be its worker's to report.
        wait_until(self._tidied, "the tidying")
        self.host.shell("systemctl start prefect-check-shop-reports.timer")
        self.containers = before, self._podman(ended).split()
        self.unnamed = self._podman("images --quiet --filter dangling=true").split()

    def _after_a_loss_of_power(self) -> None:
        self.host.kill()
        self.host.start()
        self.host.wait()
        self._ended("lost", self._held["lost"])
        self._ended("returned", self.api.start("passing_data"))
        self.kept = self.objects()

    def _bring_image(self) -> None:
        for target in ("deploy", "image"):
            done = self.make(target)
            assert done.returncode == 0, done.stdout + done.stderr

    def _play(self, *arguments: str) -> Played:
        variables = {
            **self.address,
            "prefect_worker_ca_bundle": CA_BUNDLE,
        }
        self.project.inventory({"vm": variables})
        played = play(self.project, *arguments, environment={"PREFECT_API_URL": self.api.url})
        self.pids.setdefault("made", main_pid(self.host, UNIT))
        return played

    def _as_the_check(self, arguments: str) -> str:
        """The command line that runs Python as the timer does."""
        settings = "/etc/prefect/shop-reports/shop-reports"
        files = f"-p EnvironmentFile={settings}.env -p EnvironmentFile={settings}.secrets.env"
        python = f"/usr/bin/python3 -I {arguments}"
        return f"systemd-run --wait --pipe -p User=prefect {files} {python}"

    def _set_state(self, run: str, state: dict[str, str]) -> None:
        self.api.request("POST", f"/flow_runs/{run}/set_state", {"state": state, "force": True})

    def _wait_for(self, run: str, states: Collection[str]) -> None:
        wait_until(lambda: self.api.state(run) in states, f"{run} is not {states}")

    def _ended(self, name: str, run: str, states: Collection[str] = ENDED) -> None:
        self._wait_for(run, states)
        found = self.api.request("GET", f"/flow_runs/{run}")
        self.states[name] = str(found["state_type"])
        self.messages[name] = str(found["state"]["message"])

    def _podman(self, command: str) -> str:
        return self.host.shell(f"podman --url {SOCKET} {command}")

    def _engine_pid(self) -> int:
        self._podman("version")
        show = "show --property=MainPID --value prefect-engine-prefect.service"
        return int(self.host.shell(f"cd / && {OF_THE_USER} {show}"))

    def _image(self) -> str:
        return self._podman(f"image inspect --format '{{{{.Id}}}}' {IMAGE}").strip()

    def _container_of(self, run: str) -> str:
        return self._podman(f"ps --quiet --filter label=io.prefect.flow-run-id={run}").strip()


def machine(lab: Lab, suite: str) -> Container:
    """Start a bare machine that allows containers, as far as they have no limits."""
    host = lab.container(suite, "vm", nested=True)
    host.start()
    host.wait()
    host.shell(
        "mkdir /etc/containers && cd /etc/containers && echo '[containers]' >containers.conf"
    )
    host.shell("echo 'pids_limit = 0' >>/etc/containers/containers.conf")
    return host


def adapt(project: Path) -> None:
    """Take the limits out of a project's work pool, and an image that only its deployments name."""
    template = project / "infrastructure/base_job_template.json"
    wanted = json.loads(template.read_text())
    for name in ("mem_limit", "pids_limit"):
        wanted["variables"]["properties"][name]["default"] = None
    wanted["variables"]["properties"]["image"]["default"] = "nowhere:latest"
    template.write_text(json.dumps(wanted))


def address(lab: Lab, host: Container) -> dict[str, str]:
    """How Ansible reaches it."""
    return {
        "ansible_host": host.address,
        "ansible_ssh_common_args": f"-F {lab.keys.config}",
    }
