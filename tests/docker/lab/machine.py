"""A docker worker on a machine of its own, from its first run to a loss of power.

The machine is a container with systemd. Its engine can do all but one thing: the control groups of
such a machine have no limits.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from tests.docker.lab import attempts
from tests.docker.lab.engine import Engine
from tests.hosts.control.observe import main_pid
from tests.hosts.control.playbook import Played, play
from tests.hosts.control.project import TOOLS, Project
from tests.hosts.machines.container import Container
from tests.hosts.machines.host import quoted
from tests.hosts.machines.lab import Lab
from tests.project.api import ENDED, Api
from tests.project.baked import Make
from tests.project.processes import wait_until

UNIT = "prefect-worker-shop-reports.service"
HOME = "/var/lib/prefect/.engine-prefect"
SETTINGS = "/etc/prefect/.engine-prefect/engine.env"
SOCKET = f"unix://{HOME}/podman.sock"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
ENGINE_USER = "prefect-engine"
OF_THE_USER = (
    f"runuser -u {ENGINE_USER} -- env XDG_RUNTIME_DIR=/run/user/$(id -u {ENGINE_USER})"
    " systemctl --user"
)
HELD = ("patient", "cancelled", "cancelled too", "killed", "lost")
CANCELLED = HELD[1:3]
GO = "/tmp/go"
# Without a process in between that outlives it.
AT_ONCE = {"command": "python -m prefect.engine"}
CHECK = "prefect-check-shop-reports.timer"
RECORDS = "/var/lib/prefect/shop-reports/runs/shop-reports"
TIDIED = f"{RECORDS}/.tidied"
ATTACK = Path(__file__).with_name("attack.sh")
# Of the worker's environment alone.
SECRET = "known-to-the-worker"
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
    second: dict[str, Counter[str]] = field(default_factory=dict)
    printed: dict[str, str] = field(default_factory=dict)
    names: tuple[str, list[str]] = ("", [])
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
        self._back_and_forth()
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

    def _output(self, run: str) -> str:
        """What the containers of a run printed."""
        containers = self._containers_of(run).split()
        return "".join(self._podman(f"logs {container}") for container in containers)

    def _is_settled(self, run: str) -> bool:
        records = [f"{RECORDS}/{container}" for container in self._containers_of(run).split()]
        return '"settled": true' in self.host.shell(f"cat {' '.join(records)} /dev/null || true")

    def _without_a_worker(self) -> None:
        runs = {name: self.api.start_with("demand", AT_ONCE, until=GO) for name in HELD}
        for run in runs.values():
            self._wait_for(run, {"RUNNING"})
        self._with_odd_containers(runs["patient"])
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

    def _with_odd_containers(self, other: str) -> None:
        """Have one that says it is of another run, and one that is of none."""
        labels = {"labels": {"prefect.io/flow-run-id": other}}
        self._ended("mislabelled", self.api.start_with("demand", labels))
        of = "--env PREFECT__WORKER_NAME=shop-reports@vm --env 'PREFECT__FLOW_RUN_ID=a b'"
        label = "--label 'io.prefect.flow-run-id=a b'"
        self._podman(f"run --detach --name odd {of} {label} {self._named()} true")
        said = "journalctl --no-pager --unit prefect-check-shop-reports.service"
        wait_until(lambda: "odd executes no" in self.host.shell(said), "a word about it")

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
        image = self._named()
        container = self.engine.docker("create", image, "true").strip()
        self.engine.docker("commit", "--change", "ENV PATH=/nowhere", container, image)
        self.engine.docker("rm", container)
        self.engine.docker("save", "--output", str(archive), image)
        self.played["bad"] = self._play("-e", f"prefect_worker_image_archive={archive}")
        self.images["put back"] = self._image()

    def _with_another_image(self) -> None:
        self.pids["before upgrade"] = main_pid(self.host, UNIT)
        self._change('print("taken"', 'print("taken anew"')
        self._bring_image()
        self.host.shell(f"echo '# By hand.' >>{SETTINGS}")
        self.pids["engine before"] = self._engine_pid()
        self.played["upgraded"] = self._play()
        self.pids["engine after"] = self._engine_pid()
        self.pids["upgraded"] = main_pid(self.host, UNIT)
        self._let_go()
        self.images["upgraded"] = self._image()
        self._ended("engine slow", self._slow)

    def _back_and_forth(self) -> None:
        """Go back to the release before, then on to another one."""
        self.played["back"] = self._play("-e", "prefect_worker_state=rolled_back")
        self.printed["back"] = self._printed_by_a_run("back")
        self._change('print("taken anew"', 'print("taken again"')
        replaced = self._named()
        self._inventory(prefect_worker_releases_kept=1)
        done = self.make("provision", PATH=f"{TOOLS}:{os.environ['PATH']}")
        assert done.returncode == 0, done.stdout + done.stderr
        self.printed["forth"] = self._printed_by_a_run("forth")
        self.names = replaced, self._podman("images --format '{{.Repository}}:{{.Tag}}'").split()

    def _printed_by_a_run(self, name: str) -> str:
        run = self.api.start("demand")
        self._ended(name, run)
        return self._output(run)

    def _named(self) -> str:
        """Return the image that deployments name."""
        deployment = self.api.request("GET", "/deployments/name/demand/demand")
        return str(deployment["job_variables"]["image"])

    def _change(self, text: str, other: str) -> None:
        flow = "src/shop_reports/flows/demand.py"
        self.project.change(flow, (self.project.folder / flow).read_text().replace(text, other))

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
        self._inventory()
        played = play(self.project, *arguments, environment={"PREFECT_API_URL": self.api.url})
        self.pids.setdefault("made", main_pid(self.host, UNIT))
        return played

    def _inventory(self, **more: object) -> None:
        variables = {
            **self.address,
            "prefect_worker_ca_bundle": CA_BUNDLE,
            "prefect_worker_environment": {"OF_THE_WORKER": SECRET},
            **more,
        }
        self.project.inventory({"vm": variables})

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
        return self._podman(f"image inspect --format '{{{{.Id}}}}' {self._named()}").strip()

    def _containers_of(self, run: str) -> str:
        label = f"label=io.prefect.flow-run-id={run}"
        return self._podman(f"ps --all --quiet --no-trunc --filter {label}")

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
