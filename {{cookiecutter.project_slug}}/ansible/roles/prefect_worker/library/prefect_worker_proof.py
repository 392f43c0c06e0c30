#!/usr/bin/python
"""Wait until the worker is ONLINE, then until a flow run has completed on this machine."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_api import ARGUMENTS as API_ARGUMENTS
from ansible.module_utils.prefect_worker_api import Api, ApiError
from ansible.module_utils.prefect_worker_infrastructure import SmokeTestError
from ansible.module_utils.prefect_worker_online import (
    UnprovedError,
    last_lines,
    online_workers,
    wait_until_online,
)
from ansible.module_utils.prefect_worker_secrets import secrets_in
from ansible.module_utils.prefect_worker_smoke import SmokeTest
from ansible.module_utils.prefect_worker_transaction import ARGUMENT, HeldError, end, held

ARGUMENTS: dict[str, dict[str, Any]] = {
    **API_ARGUMENTS,
    "unit": {"type": "str", "required": True},
    "pool": {"type": "str", "required": True},
    "type": {"type": "str", "required": True},
    "engine": {"type": "str", "default": ""},
    "worker": {"type": "str", "required": True},
    "timeout": {"type": "int", "required": True},
    "links_in": {"type": "path", "required": True},
    "home": {"type": "path", "required": True},
    "settings": {"type": "path", "required": True},
    "user": {"type": "str", "required": True},
    "sandbox": {"type": "str", "required": True},
    "overrides": {"type": "str", "default": ""},
    "smoke": {"type": "bool", "default": False},
    "deployment": {"type": "str", "default": ""},
    "queue": {"type": "str", "default": ""},
    "together": {"type": "bool", "default": False},
    "again": {"type": "bool", "default": False},
    "kept": {"type": "bool", "default": False},
    # Ends with the proof.
    "transaction": ARGUMENT,
}


def main() -> None:
    """Prove the worker; the proof of a run is kept beside its release, and asked for once."""
    module = AnsibleModule(ARGUMENTS)
    wanted = module.params
    # What a flow or the worker says may have one of them in it.
    module.no_log_values.update(secrets_in(Path(f"{wanted['settings']}.secrets.env").read_text()))
    release = Path(wanted["links_in"], "current").resolve()
    try:
        with held(wanted["transaction"]) as transaction:
            run = _prove(wanted, release)
            if transaction:
                end(Path(wanted["transaction"]["folder"]))
    except (ApiError, UnprovedError, SmokeTestError) as error:
        module.fail_json(msg=f"{error}\n{last_lines(wanted['unit'])}")
    except HeldError as error:
        module.fail_json(msg=str(error))
    sentence = (
        f"worker ONLINE: {wanted['worker']} in the pool {wanted['pool']}, release {release.name}"
    )
    if run:
        sentence += (
            f"; flow run {run['id']} {run['state']['name'].upper()} on {socket.gethostname()}"
        )
    module.exit_json(changed=bool(run), sentence=sentence)


def _prove(wanted: dict[str, Any], release: Path) -> dict[str, Any]:
    """Return the run that proved the worker, if it needed one."""
    proof = release / f".proved-{wanted['unit']}"
    run: dict[str, Any] = {}
    api = Api(wanted, patience=wanted["timeout"])
    if wanted["smoke"] and (wanted["again"] or not proof.exists()):
        proof.unlink(missing_ok=True)
        run = _prove_by_a_run(api, wanted, release)
        proof.touch()
    else:
        wait_until_online(api, wanted)
    return run


def _prove_by_a_run(api: Api, wanted: dict[str, Any], release: Path) -> dict[str, Any]:
    """The run is there before the worker is: it need not wait for the next time that one asks."""
    others = {worker["name"] for worker in online_workers(api, wanted["pool"])} - {wanted["worker"]}
    # A worker that goes on takes runs as it did; what is new is the release. Those that are made
    # together would take each other's.
    alone = not (others or wanted["kept"] or wanted["together"])
    test = SmokeTest(api, wanted, release, alone=alone)
    try:
        wait_until_online(api, wanted)
        run: dict[str, Any] = test.finish()
    except SmokeTestError as error:
        told = [str(error), last_lines(test.unit)]
        raise UnprovedError("\n".join(filter(None, told))) from error
    finally:
        test.clean()
    return run


if __name__ == "__main__":
    main()
