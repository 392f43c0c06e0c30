"""A docker worker on a virtual machine, from its first run to a loss of power."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.docker.lab.engine import Engine
from tests.hosts.control.observe import main_pid
from tests.hosts.control.playbook import Played, play
from tests.hosts.control.project import Project
from tests.hosts.machines.lab import Lab
from tests.hosts.machines.vm import VirtualMachine
from tests.project.api import ENDED, Api
from tests.project.baked import Make
from tests.project.processes import wait_until

UNIT = "prefect-worker-shop-reports.service"
CHECK = "prefect-check-shop-reports.service"
IMAGE = "shop-reports:latest"
HOME = "/var/lib/prefect/.engine-prefect"
SOCKET = f"unix://{HOME}/podman.sock"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
OF_THE_USER = (
    "runuser -u prefect -- env XDG_RUNTIME_DIR=/run/user/$(id -u prefect) systemctl --user"
)
# Emulated, so everything takes about eight times as long.
PATIENCE = 900.0
HELD = ("patient", "cancelled", "killed", "lost")
GO = "/tmp/go"
# Half of the time that `prefect flow-run execute` takes to begin, and as mortal.
AT_ONCE = {"command": "python -m prefect.engine"}


@dataclass
class Story:
    """What was said and seen on the way."""

    vm: VirtualMachine
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
    unnamed: list[str] = field(default_factory=list)
    containers: tuple[list[str], list[str]] = ([], [])
    limits: tuple[str, ...] = ()
    _held: dict[str, str] = field(default_factory=dict)
    played: dict[str, Played] = field(default_factory=dict)

    def tell(self) -> None:
        """Make a worker of the machine, then let happen what happens to workers."""
        self._make_a_worker()
        self._without_a_worker()
        self._without_an_image_and_an_engine()
        self._with_another_image()
        self._after_a_day()
        self._after_a_loss_of_power()

    def remove(self) -> Played:
        """Run the playbook that takes the worker away."""
        return self._play("-e", "prefect_worker_state=absent")

    def _make_a_worker(self) -> None:
        self._bring_image()
        self.played["made"] = self._play().succeeded()
        self.played["again"] = self._play()
        self.pids["again"] = main_pid(self.vm, UNIT)

    def _without_a_worker(self) -> None:
        runs = {name: self.api.start_with("demand", AT_ONCE, until=GO) for name in HELD}
        hungry = self.api.start_with("demand", {"mem_limit": "300m"}, mebibytes=400)
        for run in runs.values():
            self._wait_for(run, {"RUNNING"})
        self.limits = self._limits_of(runs["patient"])
        self._ended("hungry", hungry)
        self.vm.shell(f"systemctl restart {UNIT}")
        self.vm.shell(f"systemctl kill --kill-who=main --signal=KILL {UNIT}")
        state = {"type": "CANCELLING", "name": "Cancelling"}
        path = f"/flow_runs/{runs['cancelled']}/set_state"
        self.api.request("POST", path, {"state": state})
        self.vm.shell(f"systemctl stop {UNIT}")
        self._podman(f"kill --signal KILL {self._container_of(runs['killed'])}")
        for name in ("cancelled", "killed"):
            self._ended(name, runs[name])
        self.vm.shell(f"systemctl start {UNIT}")
        self._held = runs

    def _without_an_image_and_an_engine(self) -> None:
        self.pids["before nowhere"] = main_pid(self.vm, UNIT)
        self._ended("nowhere", self.api.start_with("demand", {"image": "nowhere:1"}))
        self.pids["nowhere"] = main_pid(self.vm, UNIT)
        engine = "prefect-engine-prefect.socket prefect-engine-prefect.service"
        self.vm.shell(f"cd / && {OF_THE_USER} stop {engine}")
        self._ended("engine away", self.api.start("demand"))
        self.vm.shell(f"cd / && {OF_THE_USER} start prefect-engine-prefect.socket")
        self.pids["engine away"] = main_pid(self.vm, UNIT)

    def _with_another_image(self) -> None:
        self.pids["before upgrade"] = main_pid(self.vm, UNIT)
        self.project.append("src/shop_reports/flows/demand.py", "\n# Changed.\n")
        self._bring_image()
        self.played["upgraded"] = self._play()
        self.pids["upgraded"] = main_pid(self.vm, UNIT)
        patient = self._held["patient"]
        self._podman(f"exec {self._container_of(patient)} touch {GO}")
        self._ended("patient", patient)

    def _after_a_day(self) -> None:
        ended = "ps --all --quiet --filter status=exited"
        before = self._podman(ended).split()
        folder = "/var/lib/prefect/shop-reports/runs/shop-reports"
        self.vm.shell(f"rm -f {folder}/.tidied && date --set='+25 hours'")
        self.vm.shell(f"systemctl start {CHECK}")
        self.containers = before, self._podman(ended).split()
        self.unnamed = self._podman("images --quiet --filter dangling=true").split()
        self.vm.shell("date --set='-25 hours'")

    def _after_a_loss_of_power(self) -> None:
        boot = self._boot()
        # Not by this connection, which would never hear of its end.
        soon = "--on-active=1 --timer-property=AccuracySec=100ms"
        self.vm.shell(f"systemd-run {soon} reboot --force --force")
        wait_until(lambda: self._boot() not in ("", boot), "the machine is back", PATIENCE)
        self._ended("lost", self._held["lost"])
        self._ended("returned", self.api.start("passing_data"))
        self.kept = self.objects()

    def _bring_image(self) -> None:
        for target in ("deploy", "image"):
            done = self.make(target)
            assert done.returncode == 0, done.stdout + done.stderr
        # Something that changes with the image's content.
        self.images["upgraded" if self.images else "made"] = self.engine.inspect(IMAGE)["Id"]

    def _play(self, *arguments: str) -> Played:
        variables = {
            **self.address,
            "prefect_worker_ca_bundle": CA_BUNDLE,
            "prefect_worker_memory_max": "1G",
            "prefect_worker_timeout": int(PATIENCE),
        }
        self.project.inventory({"vm": variables})
        played = play(self.project, *arguments, environment={"PREFECT_API_URL": self.api.url})
        self.pids.setdefault("made", main_pid(self.vm, UNIT))
        return played

    def _wait_for(self, run: str, states: set[str]) -> None:
        wait_until(lambda: self.api.state(run) in states, f"{run} is not {states}", PATIENCE)

    def _ended(self, name: str, run: str) -> None:
        self._wait_for(run, set(ENDED))
        found = self.api.request("GET", f"/flow_runs/{run}")
        self.states[name] = str(found["state_type"])
        self.messages[name] = str(found["state"]["message"])

    def _podman(self, command: str) -> str:
        return self.vm.shell(f"podman --url {SOCKET} {command}")

    def _container_of(self, run: str) -> str:
        return self._podman(f"ps --quiet --filter label=io.prefect.flow-run-id={run}").strip()

    def _limits_of(self, run: str) -> tuple[str, ...]:
        pid = self._podman(f"inspect --format '{{{{.State.Pid}}}}' {self._container_of(run)}")
        group = self.vm.shell(f"cut -d: -f3 /proc/{pid.strip()}/cgroup").strip()
        scope = f"/sys/fs/cgroup{group.partition('.scope')[0]}.scope"
        files = " ".join(f"{scope}/{name}.max" for name in ("memory", "pids"))
        return tuple(self.vm.shell(f"cat {files}").split())

    def _boot(self) -> str:
        return self.vm.ssh("cat /proc/sys/kernel/random/boot_id").stdout.strip()


def machine(lab: Lab) -> VirtualMachine:
    """Start a bare machine."""
    vm = lab.vm("trixie", "vm")
    vm.start()
    vm.wait()
    return vm


def address(lab: Lab, vm: VirtualMachine) -> dict[str, str]:
    """How Ansible reaches it."""
    return {
        "ansible_host": vm.address,
        "ansible_ssh_common_args": f"-F {lab.keys.config}",
    }
