"""A project as the template makes it, its API, and workers for it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.locks import locked
from tests.results.lab.programs import Programs, wait_until

ROOT = Path(__file__).parents[3]
BUILD = ROOT / "build/results"
# Of this one of the processes that tests may run in.
PLACE = BUILD / os.environ.get("PYTEST_XDIST_WORKER", "alone")
INJECT = Path(__file__).with_name("inject")
MAPPED = Path(__file__).with_name("mapped.py.in")
RUN_ENDS = 240.0
"""Seconds that a flow run has, on a machine that is busy with other things."""
NOT_OURS = ("PREFECT", "RESULTS_", "AWS_", "AZURE_", "GOOGLE_", "PROJECT_DIR", "PYTHONPATH")


def clean_environment(home: Path) -> dict[str, str]:
    """Return this environment without what could tell Prefect or a storage anything."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
    no_proxy = f"127.0.0.1,{kept.get('NO_PROXY', '')}"
    return kept | {"HOME": str(home), "NO_PROXY": no_proxy, "no_proxy": no_proxy}


def virtual_environment(*storages: str) -> Path:
    """Return an environment with what projects of these storages are pinned to, or of every one."""
    names = storages or ("azure", "gcs", "s3")
    pins = [ROOT / f"templates/requirements/process-{name}.txt" for name in names]
    digest = hashlib.sha256(b"".join(pin.read_bytes() for pin in pins)).hexdigest()[:12]
    folder = BUILD / f"venv-{digest}"
    uv = str(Path(sys.executable).with_name("uv"))
    with locked(BUILD / f"{folder.name}.lock"):
        if not (folder / "complete").exists():
            make = [uv, "venv", "--quiet", "--clear", "-p", sys.executable, str(folder)]
            subprocess.run(make, check=True)
            install = [uv, "pip", "install", "--quiet", "--require-hashes", "--python", str(folder)]
            subprocess.run([*install, *(f"--requirement={pin}" for pin in pins)], check=True)
            (folder / "complete").touch()
    return folder


class Project:
    """A baked project and the environment that its commands run in."""

    def __init__(
        self, storage: str, folder: Path, url: str, programs: Programs, settings: dict[str, str]
    ) -> None:
        """Bake it; `settings` say where results are kept."""
        self.slug = f"shop-{storage}"
        self.package = self.slug.replace("-", "_")
        self.home = folder / "home"
        self.counted = folder / "counted"
        shutil.rmtree(folder, ignore_errors=True)
        self.home.mkdir(parents=True)
        self.counted.mkdir()
        self.folder = folder / self.slug
        self.python = virtual_environment() / "bin/python"
        self.programs = programs
        self.url = url
        self.settings = settings
        cookiecutter = str(Path(sys.executable).with_name("cookiecutter"))
        bake = [cookiecutter, "--no-input", "-o", str(folder), str(ROOT)]
        answers = [f"project_slug={self.slug}", f"result_storage={storage}"]
        subprocess.run([*bake, *answers], check=True, stdout=subprocess.DEVNULL)
        self._add_mapped()

    def _add_mapped(self) -> None:
        """Add a flow of the tests' own, as its owner would."""
        flows = self.folder / f"src/{self.package}/flows"
        text = MAPPED.read_text().replace("PACKAGE", self.package)
        (flows / "mapped.py").write_text(text)
        with (self.folder / "prefect.yaml").open("a") as deployments:
            entrypoint = f"src/{self.package}/flows/mapped.py:mapped"
            deployments.write(
                f"  - name: mapped\n    entrypoint: {entrypoint}\n    work_pool: *work_pool\n"
            )

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of the project's commands."""
        return {
            **clean_environment(self.home),
            "PREFECT_API_URL": self.url,
            "PREFECT_HOME": str(self.folder.parent / "prefect"),
            "PYTHONPATH": str(self.folder / "src"),
            **self.settings,
            **more,
        }

    def run(self, *module: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a Python module in the project."""
        return subprocess.run(
            [self.python, "-m", *module],
            cwd=self.folder,
            env=self.environment(**more),
            capture_output=True,
            text=True,
        )

    def bootstrap(self, **more: str) -> subprocess.CompletedProcess[str]:
        """Make the storage block and the pool."""
        return self.run("tools.bootstrap", **more)

    def deploy(self) -> None:
        """Register the deployments."""
        done = self.run("prefect", "--no-prompt", "deploy", "--all")
        assert done.returncode == 0, done.stdout + done.stderr

    def worker(self, name: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a worker with the project in a folder of its own, as on another machine."""
        place = self.folder.parent / f"machine-of-{name}"
        copy = place / self.slug
        (place / "home").mkdir(parents=True)
        shutil.copytree(self.folder, copy, ignore=shutil.ignore_patterns("ansible"))
        environment = self.environment(
            HOME=str(place / "home"),
            PREFECT_HOME=str(place / "prefect"),
            PYTHONPATH=f"{INJECT}:{copy / 'src'}",
            PROJECT_DIR=str(copy),
            RUN_PYTHON=str(self.python),
            PREFECT_WORKER_QUERY_SECONDS="1",
            **more,
        )
        start = ["worker", "start", "--pool", self.slug, "--type", "process", "--name", name]
        command = [str(self.python), "-m", "prefect", *start]
        return self.programs.start(f"{self.slug}-{name}", command, environment, copy)

    def left_behind(self) -> list[Path]:
        """Return what results there are on the machines of the workers."""
        places = self.folder.parent.glob("machine-of-*")
        homes = [home for place in places for home in (place / "home", place / "prefect/storage")]
        return [path for home in [self.home, *homes] for path in home.rglob("*") if path.is_file()]

    def executions(self, name: str) -> Counter[str]:
        """Return how often each call of a run was executed."""
        file = self.counted / name
        return Counter(file.read_text().splitlines()) if file.exists() else Counter()

    def order(self, name: str) -> list[str]:
        """Return the calls of a run in the order they were executed in."""
        return (self.counted / name).read_text().splitlines()


class Api:
    """The Prefect API, as anybody sees it."""

    def __init__(self, url: str) -> None:
        """Talk to a server."""
        self._client = httpx.Client(base_url=url, timeout=60)

    def post(self, path: str, **content: Any) -> Any:
        """Ask for something; the server may be busy at first."""
        for _ in range(20):
            answer = self._client.post(path, json=content)
            if answer.status_code != 503:
                break
            time.sleep(0.5)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str) -> Any:
        """Read something."""
        for _ in range(20):
            answer = self._client.get(path)
            if answer.status_code != 503:
                break
            time.sleep(0.5)
        return answer.raise_for_status().json()

    def start(self, deployment: str, project: Project, **more: Any) -> str:
        """Ask for a run of a deployment whose executions are counted under its id."""
        flow = self.get(f"/deployments/name/{deployment}")
        state = {"type": "SCHEDULED"}
        name = more.pop("name", deployment.replace("/", "-"))
        fails = more.pop("fails", "")
        counting = {"COUNTED": str(project.counted / name), "FAILS": fails}
        run = self.post(
            f"/deployments/{flow['id']}/create_flow_run",
            state=state,
            name=name,
            job_variables={"env": counting | more.pop("env", {})},
            **more,
        )
        return str(run["id"])

    def ended(self, run: str, attempt: int = 0) -> dict[str, Any]:
        """Wait for the end of an attempt of a run and return the run."""
        wait_until(lambda: self._is_final(run, attempt), f"run {run} is not done", RUN_ENDS)
        found: dict[str, Any] = self.get(f"/flow_runs/{run}")
        return found

    def _is_final(self, run: str, attempt: int) -> bool:
        found = self.get(f"/flow_runs/{run}")
        final = found["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
        return final and found["run_count"] >= attempt

    def retry(self, run: str) -> None:
        """Have a run retried."""
        self.post(
            f"/flow_runs/{run}/set_state", state={"type": "SCHEDULED", "name": "AwaitingRetry"}
        )

    def log(self, run: str) -> str:
        """Return the log of a run and of its subflows."""
        lines = self.post(
            "/logs/filter", logs={"flow_run_id": {"any_": [run]}}, limit=200, sort="TIMESTAMP_ASC"
        )
        return "\n".join(line["message"] for line in lines)

    def states(self, run: str) -> Counter[str]:
        """Return the states of the tasks of a run."""
        runs = self.post("/task_runs/filter", flow_runs={"id": {"any_": [run]}}, limit=200)
        return Counter(task["state"]["name"] for task in runs)
