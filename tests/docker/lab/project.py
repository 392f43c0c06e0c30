"""A generated project with flows of the tests' own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.project.baked import bake

LAB = Path(__file__).parent
# By the module of flows that the tests add.
FLOWS = {"demand": ["demand"], "again": ["again", "again_retries"]}
CERTIFICATES = Path("/usr/local/share/ca-certificates")
"""Where this machine has those of its own network, if packages come through one."""
ADDRESS = "10.77.0.100"
"""What slirp4netns gives to the network that `own-network` makes.

Podman 4's own network of containers is 10.0.2.0/24, so what is at such an address is out of reach.
"""


def installed(folder: Path, *answers: str) -> Path:
    """Generate a project, add flows of the tests' own as its owner would, and install it."""
    made = bake(folder, "work_pool_type=docker", *answers)
    with (made / "prefect.yaml").open("a") as deployments:
        for module, flows in FLOWS.items():
            path = f"src/shop_reports/flows/{module}.py"
            shutil.copy(LAB / f"{module}.py.in", made / path)
            for flow in flows:
                entry = f"  - name: {flow}\n    entrypoint: {path}:{flow}\n"
                deployments.write(f"{entry}    work_pool: *work_pool\n")
    for certificate in CERTIFICATES.glob("*.crt"):
        shutil.copy(certificate, made / "certificates")
    subprocess.run(["make", "install"], cwd=made, check=True)
    return made
