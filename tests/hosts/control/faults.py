"""Flow runs on one machine that can be held, harmed and counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.hosts.control.server import FINAL, Api, Run, eventually
from tests.hosts.machines.host import Host, quoted

T = TypeVar("T")
FLOWS = Path(__file__).resolve().parent.parent / "flows"
THERE = "/srv/faults"
NOTES = "/var/lib/prefect/shop-reports/faults"
WORKER = "prefect-worker-shop-reports.service"
TASK_RUNS = "/task_runs/filter"
SET_FOLDER = "prefect.deployments.steps.set_working_directory"
KILLING = "/run/systemd/system/prefect-run-shop-reports@.service.d"
ENTRYPOINTS = {
    "faults": "faults.py:faults",
    "retried": "faults.py:retried",
    "broken": "broken.py:broken",
    "spread": "spread.py:spread",
}


class Faults:
    """One machine's runs."""

    def __init__(self, api: Api, pool: str, host: Host, slowness: int = 1) -> None:
        """Bring the flows to the machine, and deploy them; a slow machine gets more time."""
        self.api = api
        self.host = host
        self._slowness = slowness
        for file in FLOWS.glob("*.py"):
            text = quoted(file.read_text())
            host.shell(f"mkdir -p {THERE} && printf %s {text} >{THERE}/{file.name}")
        self.deploy(pool)

    def killed_by_the_sandbox(self) -> Run:
        """What the API says of a run whose sandbox kills, as an override may have it."""
        lines = "[Service]\\nSystemCallErrorNumber=kill\\n"
        write = f"mkdir -p {KILLING} && printf '{lines}' >{KILLING}/kill.conf"
        self.host.shell(f"{write} && systemctl daemon-reload")
        run = self.ended(self.start("mount"))
        self.host.shell(f"rm -r {KILLING} && systemctl daemon-reload")
        return run

    def deploy(self, pool: str) -> None:
        """Make a deployment of each flow."""
        self._pool = pool
        self._deployments: dict[str, str] = {}
        for name, entrypoint in ENTRYPOINTS.items():
            self.add(name, entrypoint, [{SET_FOLDER: {"directory": THERE}}])

    def add(self, name: str, entrypoint: str, steps: list[dict[str, Any]]) -> None:
        """Make a deployment of one flow."""
        flow = self.api.request("POST", "/flows/", {"name": name})["id"]
        body = {
            "name": name,
            "flow_id": flow,
            "work_pool_name": self._pool,
            "entrypoint": entrypoint,
            "path": THERE,
            "pull_steps": steps,
            "enforce_parameter_schema": False,
        }
        self._deployments[name] = str(self.api.request("POST", "/deployments/", body)["id"])

    def start(self, how: str | None = "", flow: str = "faults", **job: Any) -> str:
        """A run for the machine to take."""
        body = {
            "state": {"type": "SCHEDULED"},
            "parameters": {} if how is None else {"how": how},
            "job_variables": job,
        }
        path = f"/deployments/{self._deployments[flow]}/create_flow_run"
        return str(self.api.request("POST", path, body)["id"])

    def children(self, run: str) -> list[Run]:
        """What the API says of the runs that a run has started."""
        body = {"flow_runs": {"parent_flow_run_id": {"any_": [run]}}}
        found: list[Run] = self.api.request("POST", "/flow_runs/filter", body)
        return found

    def orphan(self) -> str:
        """A run that is RUNNING at the API, and nowhere else."""
        body = {"flow_id": self.api.request("POST", "/flows/", {"name": "faults"})["id"]}
        made = self.api.request("POST", "/flow_runs/", {**body, "state": {"type": "RUNNING"}})
        return str(made["id"])

    def held(self, how: str = "wait", flow: str = "faults", **job: Any) -> str:
        """A run that has begun and waits."""
        run = self.start(how, flow, **job)
        self.eventually(lambda: self.steps(run) == ["before"], 90, run)
        return run

    def completed(self, seconds: float = 90) -> Run:
        """A run of no length, to see that there is a worker."""
        run = self.ended(self.start(), seconds)
        assert run["state_type"] == "COMPLETED", run["state"]
        return run

    def let_go(self, run: str) -> None:
        """Let a held run go on to its end."""
        self.host.shell(f"touch {NOTES}/{run}.go")

    def run(self, run: str) -> Run:
        """What the API says of it."""
        found: Run = self.api.request("GET", f"/flow_runs/{run}")
        return found

    def ended(self, run: str, seconds: float = 90) -> Run:
        """What the API says at last."""
        return self.becomes(run, lambda found: found["state_type"] in FINAL, seconds)

    def said(self, run: str, words: str, seconds: float = 30) -> Run:
        """What the API says when its message has these words."""
        return self.becomes(run, lambda found: words in str(found["state"]["message"]), seconds)

    def begun_again(self, run: str, seconds: float = 60) -> Run:
        """What the API says when it has begun for the second time."""
        return self.becomes(run, lambda found: found["run_count"] == 2, seconds)

    def becomes(self, run: str, right: Callable[[Run], bool], seconds: float) -> Run:
        """What the API says of it once that is right."""
        return self.eventually(
            lambda: found if right(found := self.run(run)) else None, seconds, run
        )

    def eventually(self, question: Callable[[], T | None], seconds: float, run: str) -> T:
        """The first answer that is true; or an error that tells the run's history."""
        return eventually(
            question,
            seconds * self._slowness,
            lambda: f"{run} is {self.run(run)['state']} after {self.history(run)}",
        )

    def history(self, run: str) -> list[str]:
        """The names of all states that it has been in."""
        states = self.api.request("GET", f"/flow_run_states/?flow_run_id={run}")
        return [str(state["name"]) for state in states]

    def messages(self, run: str) -> str:
        """The messages of all states that it has been in."""
        states = self.api.request("GET", f"/flow_run_states/?flow_run_id={run}")
        return "\n".join(str(state["message"]) for state in states)

    def tasks(self, run: str) -> list[str]:
        """The types of the states of its task runs."""
        body = {"flow_runs": {"id": {"any_": [run]}}}
        return [str(task["state_type"]) for task in self.api.request("POST", TASK_RUNS, body)]

    def steps(self, run: str) -> list[str]:
        """What it has really done, in order."""
        return self.host.shell(f"cat {NOTES}/{run} 2>/dev/null || true").split()

    def unit(self, run: str) -> str:
        """Its unit."""
        return f"prefect-run-shop-reports@{run}.service"

    def is_here(self, run: str) -> bool:
        """Whether its unit is active."""
        state = self.host.shell(f"systemctl show {self.unit(run)} -p ActiveState")
        return state.strip() == "ActiveState=active"

    def kill(self, unit: str) -> None:
        """Take a unit's main process away."""
        self.host.shell(f"systemctl kill --kill-who=main --signal=KILL {unit}")
