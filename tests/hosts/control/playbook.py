"""Runs of the real `ansible-playbook`."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.hosts.control.project import TEMPLATE, TOOLS, Project

ANSIBLE = TEMPLATE / "ansible"
# What is said may quote a journal, in which lines may be empty.
FATAL = re.compile(r"^fatal: \[(\S+)\]: FAILED! => *\n((?: +.*\n|\n(?=\n* ))+)", re.M)
# As by default, but for the compression, which is of no use on one machine.
UNCOMPRESSED = {"ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s"}
RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.M)


@dataclass(frozen=True)
class Played:
    """What a run of the playbook said."""

    code: int
    text: str

    @property
    def changed(self) -> dict[str, int]:
        """How many tasks changed something, by machine."""
        return {found[0]: int(found[2]) for found in RECAP.findall(self.text)}

    @property
    def failed(self) -> set[str]:
        """The machines that failed."""
        return {found[0] for found in RECAP.findall(self.text) if int(found[3]) or int(found[4])}

    @property
    def objections(self) -> dict[str, str]:
        """What was said of the machines that failed."""
        return {host: str(yaml.safe_load(told)["msg"]) for host, told in FATAL.findall(self.text)}

    @property
    def sentences(self) -> str:
        """What was said, however its lines were broken."""
        return " ".join(self.text.split())

    def succeeded(self) -> Played:
        """The same, if it succeeded."""
        assert self.code == 0, self.text
        return self


def play(
    project: Project,
    *arguments: str,
    environment: Mapping[str, str],
    playbook: Path | None = None,
    name: str = "worker.yml",
) -> Played:
    """Run the project's playbook, or the one in another folder, as a user would."""
    folder = playbook or project.folder / "ansible"
    # Where the project is, it is below.
    path = f"ansible/{name}" if folder == project.folder else name
    command: list[str | Path] = [TOOLS / "ansible-playbook", path, *arguments]
    complete = {
        **os.environ,
        **environment,
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "ANSIBLE_NOCOLOR": "1",
        # A connection kept open from an earlier run could lead to a machine that is gone.
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(project.folder.parent / "cp"),
        **UNCOMPRESSED,
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=complete,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Played(done.returncode, done.stdout)
