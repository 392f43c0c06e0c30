"""Everything a test of the playbook needs: machines, a server, a project."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.hosts.control.playbook import Played, play
from tests.hosts.control.project import Project, generate, installed
from tests.hosts.control.server import PrefectServer, eventually
from tests.hosts.machines.host import Host
from tests.hosts.machines.lab import Lab
from tests.hosts.machines.shell import RUN_VARIABLE, run

CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
PASSWORD = "a-password-that-nobody-may-see"
# Of several lines, with all that quoting could spoil.
WORD = "a-line-that-nobody-may-see"
KEY = f"""-----BEGIN PRIVATE KEY-----
{WORD}/"$HOME"\\n`id`=
-----END PRIVATE KEY-----
"""
SSH_WORD = "a-deploy-key-that-nobody-may-see"
SSH_KEY = f"""-----BEGIN OPENSSH PRIVATE KEY-----
{SSH_WORD}
-----END OPENSSH PRIVATE KEY-----
"""
VARIABLES: dict[str, Any] = {
    "prefect_worker_ca_bundle": str(CA_BUNDLE),
    # Each question takes processor from the server and from the tests beside.
    "prefect_worker_query_seconds": 4,
    "prefect_worker_environment": {"WAREHOUSE_PASSWORD": PASSWORD, "SIGNING_KEY": KEY},
    "prefect_worker_ssh_key": SSH_KEY,
}
# For plays that are not about the run which proves them: it takes as long as all else.
WITHOUT_A_RUN: dict[str, Any] = {"prefect_worker_smoke_test": False}
# As scripts say it: each machine has its own name.
REMOVED: dict[str, Any] = {
    "prefect_worker_state": "absent",
    "prefect_worker_removed": "{{ inventory_hostname }}",
}


class Site:
    """One lab, one server, one project, and the variables that fit them together."""

    def __init__(self, lab: Lab) -> None:
        """Start the server and generate the project."""
        self.lab = lab
        self.project = generate(lab.folder / "project")
        self.pool = self.project.slug
        self.server = PrefectServer(lab.folder / "server", installed(self.project), lab.gateway)
        self.server.start()
        self.api = self.server.api
        self.bootstrap()

    @property
    def environment(self) -> dict[str, str]:
        """What a user has in the environment, and what the end of the run is known by."""
        return {
            RUN_VARIABLE: str(self.lab.folder),
            "PREFECT_API_URL": self.server.url,
            "PREFECT_API_AUTH_STRING": self.server.auth_string,
        }

    def bootstrap(self) -> None:
        """What `make bootstrap deploy` does."""
        programs = installed(self.project)
        environment = {
            **self.environment,
            "PREFECT_HOME": str(self.lab.folder / "client"),
            "PYTHONPATH": str(self.project.folder / "src"),
        }
        commands: list[list[str | Path]] = [
            [programs / "python", "-m", "tools.bootstrap"],
            [programs / "prefect", "--no-prompt", "deploy", "--all"],
        ]
        for command in commands:
            run(command, folder=self.project.folder, environment=environment)

    def address(self, host: Host) -> dict[str, Any]:
        """How Ansible reaches a machine."""
        return {
            "ansible_host": host.address,
            "ansible_ssh_common_args": f"-F {self.lab.keys.config}",
        }

    def play(
        self,
        hosts: Mapping[str, Host] | Host,
        *arguments: str,
        project: Project | None = None,
        above: bool = False,
        environment: Mapping[str, str] | None = None,
        **variables: Any,
    ) -> Played:
        """Run the playbook against machines by their names; `above` from the project's folder."""
        named = {"worker": hosts} if isinstance(hosts, Host) else hosts
        each = {**VARIABLES, **variables}
        inventory = {name: {**self.address(host), **each} for name, host in named.items()}
        chosen = project or self.project
        chosen.inventory(inventory)
        where = chosen.folder if above else None
        complete = {**self.environment, **(environment or {})}
        return play(chosen, *arguments, environment=complete, playbook=where)

    def online(self, name: str, since: datetime, seconds: float = 90, pool: str = "") -> None:
        """Wait until a worker has been ONLINE since a moment."""
        where = pool or self.pool
        eventually(
            lambda: name in self.api.online_since(where, since),
            seconds,
            f"{name} is not ONLINE in {where}",
        )
