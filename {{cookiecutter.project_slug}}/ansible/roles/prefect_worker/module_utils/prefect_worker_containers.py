"""Which containers of an engine a worker has started."""

from __future__ import annotations

import json
import re

from ansible.module_utils.basic import AnsibleModule

# Who sets job variables may answer in the engine's place: an id is no option of Podman's.
ID = re.compile("[0-9a-f]{64}")
SECONDS = "60"


def of_worker(
    module: AnsibleModule, address: str, worker: str, *options: str
) -> tuple[list[str], str]:
    """Return their ids, running ones unless `options` of `podman ps` say else; or what is wrong.

    Their environment says whose they are: a deployment can set labels to anything.
    """
    podman = module.get_bin_path("podman")
    if not podman:
        return [], "there is no podman"
    remote = ["timeout", SECONDS, podman, "--url", address]
    code, listed, wrong = module.run_command([*remote, "ps", "--quiet", "--no-trunc", *options])
    if code:
        return [], str(wrong).strip()
    mine = f"PREFECT__WORKER_NAME={worker}"
    ids = [each for each in listed.split() if ID.fullmatch(each)]
    return [each for each, of in _environments(module, remote, ids) if mine in of], ""


def _environments(
    module: AnsibleModule, remote: list[str], containers: list[str]
) -> list[tuple[str, list[str]]]:
    """Return the id and the environment of each container that is still there."""
    if not containers:
        return []
    shown = ["inspect", "--type", "container", "--format", "{{.Id}} {{json .Config.Env}}"]
    told = module.run_command([*remote, *shown, "--", *containers])[1]
    pairs = (line.partition(" ")[::2] for line in told.splitlines())
    return [(found, _listed(environment)) for found, environment in pairs if ID.fullmatch(found)]


def _listed(environment: str) -> list[str]:
    """Return what an engine shows of a container's environment, nothing if that is no list."""
    try:
        value = json.loads(environment)
    except ValueError:
        return []
    return value if isinstance(value, list) else []
