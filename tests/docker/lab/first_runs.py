"""A docker worker on a machine that is made, and its first runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.docker.lab import attempts
from tests.docker.lab.machine import ENGINE_USER, HOME, UNIT, Worker
from tests.hosts.control.observe import main_pid
from tests.hosts.machines.host import quoted
from tests.project.processes import wait_until

ATTACK = Path(__file__).with_name("attack.sh")
# Of root's alone, and what a container with the engine's folder could put in the place of a file.
OF_ROOT = "/etc/of-root"
PLANTED = f"{HOME}/engine.env"


@dataclass
class FirstRuns(Worker):
    """What was seen when the worker was made, and of every kind of second attempt."""

    images: dict[str, str] = field(default_factory=dict)
    second: dict[str, Counter[str]] = field(default_factory=dict)

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
