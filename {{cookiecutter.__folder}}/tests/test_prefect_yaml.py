"""`prefect.yaml` says what was meant: Prefect itself drops what it does not know without a word."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.flows import load_flow_from_entrypoint

from {{ cookiecutter.__package_name }}.bootstrap import BASE_JOB_TEMPLATE, POOL_NAME

PREFECT_YAML: dict[str, Any] = yaml.safe_load(Path("prefect.yaml").read_text(encoding="utf-8"))
JOB_TEMPLATE: dict[str, Any] = json.loads(BASE_JOB_TEMPLATE.read_text(encoding="utf-8"))
FLOWS = sorted(Path("src/{{ cookiecutter.__package_name }}/flows").glob("[!_]*.py"))

KEYS = {
    *("name", "version", "version_type", "tags", "description", "flow_name", "entrypoint"),
    *("parameters", "enforce_parameter_schema", "work_pool", "schedule", "schedules", "paused"),
    *("concurrency_limit", "triggers", "sla", "build", "push", "pull"),
}
POOL_KEYS = {"name", "work_queue_name", "job_variables"}
# Filled in where the flow runs: the worker has it.
WORKER_ENVIRONMENT = {"$PROJECT_DIR"}

each_deployment = pytest.mark.parametrize(
    "deployment",
    PREFECT_YAML["deployments"],
    ids=[str(deployment.get("name")) for deployment in PREFECT_YAML["deployments"]],
)
Deployment = dict[str, Any]


def test_each_flow_has_a_deployment() -> None:
    deployed = {str(d.get("entrypoint")).split(":")[0] for d in PREFECT_YAML["deployments"]}
    forgotten = [str(flow) for flow in FLOWS if str(flow) not in deployed]
    assert not forgotten, f"prefect.yaml has no deployment for {forgotten}"


@each_deployment
def test_its_keys_are_known_to_prefect(deployment: Deployment) -> None:
    unknown = deployment.keys() - KEYS
    unknown |= {f"work_pool.{key}" for key in work_pool(deployment).keys() - POOL_KEYS}
    assert not unknown, f"{deployment['name']}: Prefect knows no {sorted(unknown)}"


@each_deployment
def test_its_entrypoint_is_a_flow(deployment: Deployment) -> None:
    entrypoint = deployment.get("entrypoint", "")
    try:
        load_flow_from_entrypoint(entrypoint)
    except Exception as error:
        pytest.fail(f"{deployment['name']}: no flow can be loaded from {entrypoint!r}: {error}")


@each_deployment
def test_its_parameters_are_those_of_the_flow(deployment: Deployment) -> None:
    flow: Flow[..., Any] = load_flow_from_entrypoint(deployment["entrypoint"])
    unknown = deployment.get("parameters", {}).keys() - inspect.signature(flow.fn).parameters
    assert not unknown, f"{deployment['name']}: the flow has no parameter {sorted(unknown)}"


@each_deployment
def test_its_work_pool_is_the_one_of_bootstrap(deployment: Deployment) -> None:
    pool = work_pool(deployment).get("name")
    assert pool == POOL_NAME, f"{deployment['name']}: bootstrap makes no work pool {pool!r}"


@each_deployment
def test_its_job_variables_are_in_the_base_job_template(deployment: Deployment) -> None:
    known = JOB_TEMPLATE["variables"]["properties"]
    variables = work_pool(deployment).get("job_variables", {})
    unknown = [name for name in variables if name.split(".")[0] not in known]
    assert not unknown, f"{deployment['name']}: {BASE_JOB_TEMPLATE} has no variable {unknown}"


@each_deployment
def test_its_job_variables_hold_no_block(deployment: Deployment) -> None:
    blocks = [name for name in references(deployment) if name.startswith("prefect.blocks.")]
    assert not blocks, f"{deployment['name']}: the API would keep {blocks} in plain text"


@each_deployment
def test_its_references_resolve(deployment: Deployment) -> None:
    steps = [*steps_of("build", deployment), *steps_of("push", deployment)]
    lost = unresolved(references(deployment), {str(step.get("id")) for step in steps})
    assert not lost, f"{deployment['name']}: nothing gives {lost} a value"


@each_deployment
def test_its_pull_steps_need_only_what_a_worker_has(deployment: Deployment) -> None:
    pull = deployment.get("pull") or PREFECT_YAML.get("pull")
    ids = {str(step.get("id")) for step in steps_of("pull", deployment)}
    lost = unresolved(references(pull), WORKER_ENVIRONMENT | ids)
    assert not lost, f"{deployment['name']}: no worker gives {lost} a value"


def test_the_base_job_template_refers_to_its_own_variables() -> None:
    known = JOB_TEMPLATE["variables"]["properties"].keys()
    lost = set(references(JOB_TEMPLATE["job_configuration"])) - known
    assert not lost, f"{BASE_JOB_TEMPLATE} has no variable {sorted(lost)}"


def work_pool(deployment: Deployment) -> dict[str, Any]:
    """Return what a deployment says about its work pool."""
    return deployment.get("work_pool") or {}


def steps_of(kind: str, deployment: Deployment) -> list[dict[str, Any]]:
    """Return the arguments of the build, push or pull steps that a deployment uses."""
    steps = deployment.get(kind) or PREFECT_YAML.get(kind) or []
    return [arguments for step in steps for arguments in step.values()]


def unresolved(names: list[str], known: set[str]) -> list[str]:
    """Return the names that are neither known, nor an output of a known step, nor Prefect's own."""
    rest = [name for name in names if not name.startswith("prefect.")]
    return [name for name in rest if name not in known and name.split(".")[0] not in known]


def references(value: object) -> list[str]:
    """Return the names in double braces, except those in the steps of a deployment."""
    if isinstance(value, dict):
        rest = [item for key, item in value.items() if key not in ("build", "push", "pull")]
        return [name for item in rest for name in references(item)]
    if isinstance(value, list):
        return [name for item in value for name in references(item)]
    return re.findall({% raw %}r"{{\s*(.*?)\s*}}"{% endraw %}, value) if isinstance(value, str) else []
