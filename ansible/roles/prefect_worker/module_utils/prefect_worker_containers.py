"""Which containers of an engine a worker has started."""

from __future__ import annotations

import json

from ansible.module_utils.basic import AnsibleModule


def of_worker(
    module: AnsibleModule, address: str, worker: str, *options: str
) -> tuple[list[str], str]:
    """Return their ids, running ones unless `options` of `podman ps` say else; or what is wrong.

    Their environment says whose they are: a deployment can set labels to anything.
    """
    podman = module.get_bin_path("podman")
    if not podman:
        return [], "there is no podman"
    remote = [podman, "--url", address]
    code, listed, wrong = module.run_command([*remote, "ps", "--quiet", "--no-trunc", *options])
    if code:
        return [], str(wrong).strip()
    mine = f"PREFECT__WORKER_NAME={worker}"
    return [each for each, of in _environments(module, remote, listed.split()) if mine in of], ""


def _environments(
    module: AnsibleModule, remote: list[str], containers: list[str]
) -> list[tuple[str, list[str]]]:
    """Return the id and the environment of each container that is still there."""
    if not containers:
        return []
    shown = ["inspect", "--type", "container", "--format", "{{.Id}} {{json .Config.Env}}"]
    told = module.run_command([*remote, *shown, *containers])[1]
    pairs = (line.split(" ", 1) for line in told.splitlines())
    return [(found, json.loads(environment) or []) for found, environment in pairs]
