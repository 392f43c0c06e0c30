"""Runs through a worker: what their containers are like, and what becomes of them in trouble."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docker.lab import attempts
from tests.docker.lab.engine import Engine
from tests.project.api import Api
from tests.project.baked import Make
from tests.project.processes import wait_until


def container_of(engine: Engine, run_id: str) -> str:
    """Return the id of the latest container of a run."""
    return engine.containers("--all", f"--filter=label=io.prefect.flow-run-id={run_id}")[0]


def test_a_container_has_limits_and_no_rights(worker: Path, api: Api, engine: Engine) -> None:
    """It is limited, unprivileged, on the bridge, and still there to be looked at."""
    run_id = api.start("passing_data")
    assert api.ended(run_id) == "COMPLETED"
    found = engine.inspect(container_of(engine, run_id))
    host, config = found["HostConfig"], found["Config"]
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (2 << 30, 2 << 30, 4096)
    assert (host["CapDrop"], host["SecurityOpt"]) == (["ALL"], ["no-new-privileges"])
    assert not host["Privileged"]
    assert host["Init"]
    assert host["RestartPolicy"]["Name"] == "no"
    assert host["NetworkMode"] == "default"
    assert host["LogConfig"]["Config"] == {"max-file": "2", "max-size": "10m"}
    (mount,) = found["Mounts"]
    assert (mount["Name"], mount["Destination"]) == ("shop-reports", "/var/lib/shop-reports")
    assert config["User"] == "prefect"
    assert not [line for line in config["Env"] if line.startswith("PREFECT_HOME=")]
    assert "PREFECT_CLIENT_MAX_RETRIES=8" in config["Env"]
    assert found["State"]["ExitCode"] == 0


def test_a_deployment_can_have_limits_of_its_own(worker: Path, api: Api, engine: Engine) -> None:
    variables = {"mem_limit": "512m", "nano_cpus": 1_500_000_000, "shm_size": "128m"}
    run_id = api.start_with("passing_data", variables)
    assert api.ended(run_id) == "COMPLETED"
    host = engine.inspect(container_of(engine, run_id))["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (512 << 20, 512 << 20)
    assert (host["NanoCpus"], host["ShmSize"]) == (1_500_000_000, 128 << 20)


def test_a_retry_in_another_container_finds_the_results(
    worker: Path, api: Api, engine: Engine
) -> None:
    """Results are in the pool's volume, which every container has, whatever volumes are its own."""
    volumes = {"volumes": ["of-a-deployment:/srv"]}
    run_id = api.start_with("resume_from_failure", volumes)
    assert api.ended(run_id) == "FAILED"
    first = container_of(engine, run_id)
    api.retry(run_id)
    wait_until(lambda: container_of(engine, run_id) != first, "a second container")
    assert api.ended(run_id) == "COMPLETED"
    tasks = {"fetch_orders Cached": 3, "merge Cached": 1, "deliver Completed": 1}
    wait_until(lambda: api.tasks(run_id, attempt=2) == tasks, f"{tasks} and no others")


def test_a_suspended_run_goes_on_in_another_container(
    worker: Path, api: Api, engine: Engine
) -> None:
    run_id = api.start("again", how="suspend")
    wait_until(lambda: api.state(run_id) == "PAUSED", "the suspension of the run")
    first = container_of(engine, run_id)
    engine.docker("wait", first)
    attempts.resume(api, run_id)
    assert attempts.second(api, run_id) == attempts.SKIPPED
    assert container_of(engine, run_id) != first


def test_output_that_is_no_text_does_not_disturb_a_worker(worker: Path, api: Api) -> None:
    assert api.ended(api.start("again", how="crash")) == "CRASHED"
    assert "UnicodeDecodeError" not in worker.read_text()


def test_what_the_image_is_built_with_is_not_in_it(worker: Path, engine: Engine) -> None:
    history = engine.docker("history", "--no-trunc", "shop-reports:latest")
    assert "INDEX_URL" not in history
    inside = ["run", "--rm", "shop-reports:latest", "sh", "-c", "id -u; command -v uv || true"]
    assert engine.docker(*inside).split() == ["1000"]


def test_changed_code_is_one_new_layer(
    worker: Path, project: Path, make: Make, api: Api, engine: Engine
) -> None:
    """Packages are not installed again, and the next run has the new code."""
    before = engine.inspect("shop-reports:latest")["RootFS"]["Layers"]
    flow = project / "src/shop_reports/flows/demand.py"
    flow.write_text(flow.read_text().replace('print("taken"', 'print("taken anew"'))
    deployed = make("deploy")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    after = engine.inspect("shop-reports:latest")["RootFS"]["Layers"]
    assert after[:-1] == before[:-1]
    assert after[-1] != before[-1]
    run_id = api.start("demand")
    assert api.ended(run_id) == "COMPLETED"
    assert "taken anew" in engine.docker("logs", container_of(engine, run_id))


def test_tidy_removes_what_ended_and_what_was_replaced(
    worker: Path, make: Make, api: Api, engine: Engine
) -> None:
    """A run that goes on keeps its container, and the project its image; no stage is left."""

    def images(dangling: bool) -> set[str]:
        mine = "--filter=label=org.opencontainers.image.title=shop-reports"
        kind = f"--filter=dangling={'true' if dangling else 'false'}"
        return set(engine.docker("images", "--quiet", mine, kind).split())

    wait_until(lambda: not engine.containers(), "the end of each container")
    going_on = api.start("demand", seconds=20)
    wait_until(lambda: len(engine.containers()) == 1, "a container that runs")
    running = engine.containers()
    assert len(engine.containers("--all")) > 1
    assert len(images(dangling=False)) == 2
    assert images(dangling=True)
    tidied = make("tidy")
    assert tidied.returncode == 0, tidied.stderr
    assert engine.containers("--all") == running
    assert (len(images(dangling=False)), images(dangling=True)) == (1, set())
    assert api.ended(going_on) == "COMPLETED"


@pytest.mark.parametrize(
    ("variables", "memory", "reason"),
    [
        pytest.param({"image": "nowhere:1"}, 0, "nowhere", id="image missing"),
        pytest.param({"mem_limit": "300m"}, 400, "exceeding memory limits", id="out of memory"),
    ],
)
def test_a_run_that_cannot_be_is_crashed_with_the_reason(
    worker: Path, api: Api, variables: dict[str, object], memory: int, reason: str
) -> None:
    """And the worker takes the next one."""
    run_id = api.start_with("demand", variables, mebibytes=memory)
    assert api.ended(run_id) == "CRASHED"
    assert reason in api.request("GET", f"/flow_runs/{run_id}")["state"]["message"]
    assert api.ended(api.start("demand")) == "COMPLETED"


def test_an_engine_that_is_away_crashes_runs_and_not_the_worker(
    worker: Path, api: Api, engine: Engine
) -> None:
    engine.stop()
    try:
        run_id = api.start("demand")
        assert api.ended(run_id) == "CRASHED"
        message = api.request("GET", f"/flow_runs/{run_id}")["state"]["message"]
    finally:
        engine.start()
    assert "Docker" in message
    assert api.ended(api.start("demand")) == "COMPLETED"
