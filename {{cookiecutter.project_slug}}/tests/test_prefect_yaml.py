"""`prefect.yaml` says what was meant: Prefect drops what it does not know without a word."""

from pathlib import Path

from tools.prefect_yaml import PrefectYaml

FLOWS = sorted(Path("src/{{ cookiecutter.__package_name }}/flows").glob("[!_]*.py"))


def test_prefect_yaml_has_no_mistake() -> None:
    assert not PrefectYaml().problems()


def test_each_flow_has_a_deployment() -> None:
    deployed = {deployment.source for deployment in PrefectYaml().deployments}
    forgotten = [str(flow) for flow in FLOWS if flow.resolve() not in deployed]
    assert not forgotten, f"prefect.yaml has no deployment for {forgotten}"
