"""A bare machine that becomes a Prefect server: looked at, played, used, played again."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.hosts.control.observe import main_pid, written
from tests.hosts.control.playbook import Played, play
from tests.hosts.control.project import TEMPLATE, Project, generate, installed
from tests.hosts.control.server import PATIENCE, eventually
from tests.hosts.machines.container import Container
from tests.hosts.machines.lab import Lab
from tests.hosts.machines.shell import RUN_VARIABLE, run, start

CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
ROLE = TEMPLATE / "ansible/roles/prefect_server"
UNITS = ("prefect-redis", "prefect-server", "prefect-services", "prefect-proxy")
SECRETS = "/etc/prefect-server/secrets.env"
# Of sed: two letters may be equal, halves are not; bits of the last letters count for nothing.
ANOTHER_KEY = r's/KEY="\(.\{20\}\)\(.\{20\}\)/KEY="\2\1/'
BACKUPS = "/var/lib/prefect-backups"
# What the owner's commands say of themselves; their environment is secret.
COPY = 'cp "$BACKUP" . && id --user --name > who && printenv TOKEN > token'
TELL = 'echo "$UNIT" > told && printenv TOKEN >> told'
TOKEN = 'a "token" of $5'
PROGRAM = Path(__file__).parent / "programs/mapped.py"


class Site:
    """A machine, a project whose inventory names it, and a client that knows its authority."""

    def __init__(self, lab: Lab) -> None:
        """Boot a bare machine and generate the project."""
        self.lab = lab
        self.host: Container = lab.container(os.environ.get("SYSTEM", "trixie"), "server")
        self.host.start()
        self.project: Project = generate(lab.folder / "project")
        self.host.wait()
        self.key = lab.folder / "owner.txt"
        self.public_key = new_key(self.key)
        self.url = f"https://{self.host.address}"
        self.ca_file = self.project.folder / ".prefect-server/ca.pem"

    def play(self, *arguments: str, name: str = "server.yml", **variables: Any) -> Played:
        """Run `server.yml`, or another playbook, against the machine."""
        self.project.inventory({"server": {**self.machine, **variables}}, "prefect_server")
        # There, what a play leaves is seen.
        environment = {**self.mark, "TMPDIR": str(self.lab.folder)}
        return play(self.project, *arguments, environment=environment, name=name)

    @property
    def machine(self) -> dict[str, Any]:
        """How Ansible reaches the machine, and what it trusts on its way to packages."""
        return {
            "ansible_host": self.host.address,
            "ansible_ssh_common_args": f"-F {self.lab.keys.config}",
            "prefect_server_ca_bundle": CA_BUNDLE,
            "prefect_server_backup_keys": [self.public_key, self.lab.keys.public.strip()],
            "prefect_server_backup_command": COPY,
            "prefect_server_backup_environment": {"TOKEN": TOKEN},
            "prefect_server_alert_command": TELL,
            "prefect_server_alert_environment": {"TOKEN": TOKEN},
        }

    @property
    def mark(self) -> dict[str, str]:
        """What processes of this run of tests are known by."""
        return {RUN_VARIABLE: str(self.lab.folder)}

    def secrets(self) -> dict[str, str]:
        """Return what the server made for root alone to read."""
        lines = self.host.shell(f"grep = {SECRETS}").splitlines()
        return {name: value.strip('"') for name, _, value in (ln.partition("=") for ln in lines)}

    def client(self, auth: str = "", trusting: bool = True) -> httpx.Client:
        """Return a client that trusts the authority that the play has fetched, or not."""
        context = ssl.create_default_context(cafile=str(self.ca_file) if trusting else None)
        user, _, password = auth.partition(":")
        return httpx.Client(
            base_url=f"{self.url}/api",
            verify=context,
            auth=(user, password) if auth else None,
            timeout=60,
        )

    def member(self) -> httpx.Client:
        """Return a client with the login, and with a token for changes."""
        auth = self.secrets()["PREFECT_API_AUTH_STRING"]
        with self.client(auth) as client:
            token = client.get("/csrf-token", params={"client": "tests"}).json()["token"]
        member = self.client(auth)
        member.headers.update({"Prefect-Csrf-Client": "tests", "Prefect-Csrf-Token": token})
        return member

    def flow(self, waves: int, number: int, seconds: float = 0) -> subprocess.Popen[bytes]:
        """Start a flow of waves of tasks with the settings that workers and laptops get."""
        environment = {
            "PREFECT_HOME": str(self.lab.folder / "client"),
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_API_AUTH_STRING": self.secrets()["PREFECT_API_AUTH_STRING"],
            "PREFECT_API_SSL_CERT_FILE": str(self.ca_file),
            "PREFECT_CLIENT_MAX_RETRIES": "10",
            "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
        }
        python = installed(self.project) / "python"
        command: list[str | Path] = [python, PROGRAM, str(waves), str(number), str(seconds)]
        self.said.unlink(missing_ok=True)
        return start(command, self.lab.folder, self.said, {**os.environ, **environment})

    @property
    def said(self) -> Path:
        """What the last flow printed."""
        return self.lab.folder / "flow.log"

    def completed(self, process: subprocess.Popen[bytes]) -> str:
        """Wait for the flow; return its run's id."""
        assert process.wait(240 * PATIENCE) == 0, self.said.read_text()
        found = re.search(r"^state=Completed run=(\S+)$", self.said.read_text(), re.M)
        assert found, self.said.read_text()
        return found[1]

    def recorded(self, run: str) -> dict[str, int]:
        """Return how many task runs of a flow run the API has, by their states."""
        body = {"flow_runs": {"id": {"any_": [run]}}}
        done = {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
        with self.member() as client:
            every = client.post("/task_runs/count", json=body)
            ended = client.post("/task_runs/count", json={**body, **done})
        return {"all": every.json(), "COMPLETED": ended.json()}

    def require_recorded(self, run: str, number: int) -> None:
        """Wait until all task runs of a run are in the record."""
        right = {"all": number, "COMPLETED": number}
        eventually(
            lambda: self.recorded(run) == right, 120, lambda: f"recorded is {self.recorded(run)}"
        )


def new_key(path: Path) -> str:
    """Write a private key of age's; return its public half."""
    path.unlink(missing_ok=True)
    run(["age-keygen", "--output", path])
    return run(["age-keygen", "-y", path]).strip()


@dataclass(frozen=True)
class Story:
    """What was said and seen on the way."""

    site: Site
    is_untouched: bool
    looked: Played
    made: Played
    pids: list[int]
    again: Played
    pids_still: list[int]
    again_looked: Played

    @property
    def host(self) -> Container:
        """The machine."""
        return self.site.host


def tell(lab: Lab) -> Story:
    """Take a bare machine through its first steps."""
    site = Site(lab)
    fresh = written(site.host)
    looked = site.play("--check", "--diff")
    is_untouched = written(site.host) == fresh
    made = site.play("-vvv", "--diff")
    pids = [main_pid(site.host, f"{unit}.service") for unit in UNITS]
    again = site.play()
    pids_still = [main_pid(site.host, f"{unit}.service") for unit in UNITS]
    return Story(
        site=site,
        is_untouched=is_untouched,
        looked=looked,
        made=made,
        pids=pids,
        again=again,
        pids_still=pids_still,
        again_looked=site.play("--check", "--diff"),
    )
