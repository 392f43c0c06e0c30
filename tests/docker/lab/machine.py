"""A docker worker on a machine of its own, and what can be asked of both.

The machine is a container with systemd. Its engine can do all but one thing: the control groups of
such a machine have no limits.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from tests.docker.lab.engine import Engine
from tests.docker.lab.server import Server
from tests.hosts.control.observe import main_pid
from tests.hosts.control.playbook import Played, play
from tests.hosts.control.project import Project
from tests.hosts.machines.container import Container
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
CHECK = "prefect-check-shop-reports.timer"
SAID_BY_THE_CHECK = "journalctl --no-pager --unit prefect-check-shop-reports.service"
RECORDS = "/var/lib/prefect/shop-reports/runs/shop-reports"
# How many runs it may have at a time.
LIMIT = 6
# Of the worker's environment alone.
SECRET = "known-to-the-worker"
# What lets a run end that is held.
GO = "/tmp/go"
# Without a process in between that outlives it.
AT_ONCE: dict[str, object] = {"command": "python -m prefect.engine"}


@dataclass
class Worker:
    """A worker on its machine, and what became of its runs."""

    host: Container
    server: Server
    make: Make
    project: Project
    engine: Engine
    address: dict[str, str]
    states: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    played: dict[str, Played] = field(default_factory=dict)
    printed: dict[str, str] = field(default_factory=dict)

    @property
    def api(self) -> Api:
        """The API of the server."""
        return self.server.api

    def outputs(self) -> str:
        """Return the last lines of all containers."""
        listed = "ps --all --format '{{.Names}}' | xargs --replace --verbose"
        return self._podman(f"{listed} podman --url {SOCKET} logs --tail 20 {{}} 2>&1 || true")

    def _output(self, run: str) -> str:
        """What the containers of a run printed."""
        containers = self._containers_of(run).split()
        return "".join(self._podman(f"logs {container}") for container in containers)

    def _is_settled(self, run: str) -> bool:
        records = [f"{RECORDS}/{container}" for container in self._containers_of(run).split()]
        return '"settled": true' in self.host.shell(f"cat {' '.join(records)} /dev/null || true")

    def _held_run(self, **job_variables: object) -> str:
        return self.api.start_with("demand", AT_ONCE | job_variables, until=GO)

    def _times(self, run: str, *names: str) -> list[str]:
        found = self.api.request("GET", f"/flow_runs/{run}")
        return [str(found[name]) for name in names]

    def _printed_by_a_run(self, name: str, **job_variables: object) -> str:
        run = self.api.start_with("demand", job_variables)
        self._ended(name, run)
        return self._output(run)

    def _named(self) -> str:
        """Return the image that deployments name."""
        deployment = self.api.request("GET", "/deployments/name/demand/demand")
        return str(deployment["job_variables"]["image"])

    def _change(self, text: str, other: str) -> None:
        flow = "src/shop_reports/flows/demand.py"
        self.project.change(flow, (self.project.folder / flow).read_text().replace(text, other))

    def _let_go(self, name: str, run: str) -> None:
        self._podman(f"exec {self._container_of(run)} touch {GO}")
        self._ended(name, run)

    def _bring_image(self) -> None:
        for target in ("deploy", "image"):
            done = self.make(target)
            assert done.returncode == 0, done.stdout + done.stderr

    def _play(self, *arguments: str, worker: str = "vm", **environment: str) -> Played:
        self._inventory(worker)
        environment["PREFECT_API_URL"] = self.api.url
        played = play(self.project, *arguments, environment=environment)
        self.pids.setdefault("made", main_pid(self.host, UNIT))
        return played

    def _inventory(self, worker: str = "vm", **more: object) -> None:
        variables = {
            **self.address,
            "prefect_worker_ca_bundle": CA_BUNDLE,
            "prefect_worker_environment": {"OF_THE_WORKER": SECRET},
            "prefect_worker_limit": LIMIT,
            **more,
        }
        named = {} if worker == "vm" else {"prefect_worker_name": worker}
        self.project.inventory({worker: {**variables, **named}})

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

    def _engine_environment(self) -> list[str]:
        return self.host.shell(f"tr '\\0' '\\n' </proc/{self._engine_pid()}/environ").splitlines()

    def _images(self) -> list[str]:
        return self._podman("images --format '{{.Repository}}:{{.Tag}}'").split()

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
    # Podman tells the time by that of the machine.
    host.shell("ln --symbolic --force /usr/share/zoneinfo/Asia/Kolkata /etc/localtime")
    host.shell(
        "mkdir /etc/containers && cd /etc/containers && echo '[containers]' >containers.conf"
    )
    host.shell("echo 'pids_limit = 0' >>/etc/containers/containers.conf")
    # As a play leaves it that is killed when it makes the engine's user a home.
    host.shell(f"mkdir --parents --mode 700 {HOME}")
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
