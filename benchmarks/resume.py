"""A retried run against its one task that is left, and what keeping results costs: local and S3.

Run from the top of the repository: `python -m benchmarks.resume`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.results.lab.programs import Programs, free_port, listens, wait_until
from tests.results.lab.project import BUILD, Project, clean_environment, virtual_environment
from tests.results.lab.seaweed import Seaweed

HERE = Path(__file__).parent


def main() -> int:
    """Measure both storages and print a table."""
    programs = Programs(BUILD / "logs")
    try:
        url = serve(programs)
        seaweed = Seaweed(programs, BUILD / "seaweed")
        folder = BUILD / "bench"
        local = Project(
            "local", folder / "local", url, programs, {"RESULTS_DIR": str(folder / "r")}
        )
        s3 = Project("s3", folder / "s3", url, programs, seaweed.settings())
        print(f"{'storage':8} {'10 tasks':>9} {'100 tasks':>10} {'keeping a result':>17}")
        for name, project in (("local", local), ("s3", s3)):
            found = measure(project)
            ten, hundred = (found["ratios"][size] for size in ("10", "100"))
            cost, base = found["milliseconds"], found["milliseconds_not_kept"]
            print(f"{name:8} {ten:>9.2f} {hundred:>10.2f} {cost:>8.1f} of {base + cost:.1f} ms")
    finally:
        programs.stop_all()
    print(
        "\nA retried run of n tasks, n - 1 of them done, over a run of the one that is left (1 s)."
    )
    return 0


def serve(programs: Programs) -> str:
    """Start a Prefect server and return the address of its API."""
    home = BUILD / "bench-server"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    port = free_port()
    start = ["server", "start", "--host", "127.0.0.1", "--port", str(port)]
    python = virtual_environment() / "bin/python"
    environment = clean_environment(home) | {"PREFECT_HOME": str(home)}
    programs.start("bench-server", [python, "-m", "prefect", *start], environment)
    wait_until(lambda: listens(port), "Prefect's server does not listen")
    return f"http://127.0.0.1:{port}/api"


def measure(project: Project) -> dict[str, Any]:
    """Run the measurements in a project's environment."""
    done = project.bootstrap()
    if done.returncode:
        sys.exit(done.stderr)
    printed = subprocess.run(
        [project.python, HERE / "resume_in_project.py", project.package],
        cwd=project.folder,
        env=project.environment(PREFECT_LOGGING_LEVEL="CRITICAL"),
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.exit(main())
