"""`prefect.yaml` and the base job template say what was meant: Prefect drops what it does not know."""

from pathlib import Path

from prefect.workers.base import BaseWorker
from tools.bootstrap import base_job_template
from tools.prefect_yaml import PrefectYaml
from tools.project import read_project

FLOWS = sorted(Path("src/{{ cookiecutter.__package_name }}/flows").glob("[!_]*.py"))


def test_prefect_yaml_has_no_mistake() -> None:
    assert not PrefectYaml().problems()


def test_each_flow_has_a_deployment() -> None:
    deployed = {deployment.source for deployment in PrefectYaml().deployments}
    forgotten = [str(flow) for flow in FLOWS if flow.resolve() not in deployed]
    assert not forgotten, f"prefect.yaml has no deployment for {forgotten}"


def test_the_base_job_template_configures_what_the_worker_knows() -> None:
    worker = BaseWorker.get_worker_class_from_type(read_project().pool_type)
    assert worker
    known = worker.get_default_base_job_template()["job_configuration"].keys()
    assert base_job_template()["job_configuration"].keys() <= known
