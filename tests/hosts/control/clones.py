"""Repositories that a machine reaches as teams do: by https with a token, by SSH with a key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.hosts.control import git
from tests.hosts.control.deployed import Steps
from tests.hosts.control.server import Api
from tests.hosts.control.site import CA_BUNDLE, Site
from tests.hosts.machines.container import Container
from tests.hosts.machines.shell import run

CLONE = "prefect.deployments.steps.git_clone"
THERE = "/srv/git"
BLOCK = "git-token"


@dataclass(frozen=True)
class Repositories:
    """Where a machine's repositories are, and what its worker needs to reach them."""

    urls: dict[str, str]
    variables: dict[str, Any]

    def steps(self, by: str, name: str = "flows") -> Steps:
        """Return the step that clones one, with what belongs to it."""
        wish = {
            "repository": f"{self.urls[by]}/{name}.git",
            "branch": git.BRANCH,
            "include_submodules": True,
        }
        if by == "https":
            wish["credentials"] = {"username": "git", "access_token": git.TOKEN}
        if by == "block":
            wish["access_token"] = f"{{{{ prefect.blocks.secret.{BLOCK} }}}}"
        return [{CLONE: wish}]


@contextmanager
def repositories(site: Site, host: Container) -> Iterator[Repositories]:
    """Serve them from the control side, and over SSH from the machine itself."""
    folder = site.lab.folder / f"git-{host.name}"
    folder.mkdir()
    git.make_repository(folder)
    _keep_token(site.api)
    key = folder / "deploy-key"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
    # Whoever has the key is the machine's user `admin`.
    run(["cp", "--archive", folder, host.files.root / THERE.lstrip("/")])
    public = key.with_suffix(".pub").read_text().strip()
    keys = "/home/admin/.ssh/authorized_keys"
    host.shell(f"chown -R admin: {THERE} && echo '{public}' >>{keys}")
    known = host.shell(f"sed 's/^/{host.address} /' /etc/ssh/ssh_host_ed25519_key.pub")
    with git.served(folder, site.lab.gateway) as (url, authority):
        bundle = folder / "authorities.pem"
        bundle.write_text(CA_BUNDLE.read_text() + authority.read_text())
        variables = {
            "prefect_worker_ca_bundle": str(bundle),
            "prefect_worker_ssh_key": key.read_text(),
            "prefect_worker_ssh_known_hosts": known,
        }
        over_ssh = f"ssh://admin@{host.address}{THERE}"
        yield Repositories({"https": url, "block": url, "ssh": over_ssh}, variables)


def _keep_token(api: Api) -> None:
    """Put the token into a Secret block, as `prefect block create secret` does, once."""
    kind = api.request("GET", "/block_types/slug/secret")["id"]
    if api.request(
        "POST", "/block_documents/filter", {"block_documents": {"name": {"any_": [BLOCK]}}}
    ):
        return
    wish = {"block_schemas": {"block_type_id": {"any_": [kind]}}}
    schema = api.request("POST", "/block_schemas/filter", wish)[0]["id"]
    block = {"name": BLOCK, "data": {"value": git.TOKEN}}
    body = {**block, "block_type_id": kind, "block_schema_id": schema}
    api.request("POST", "/block_documents/", body)
