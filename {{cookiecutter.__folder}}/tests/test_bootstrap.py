"""`bootstrap` makes what is missing, updates what differs, and otherwise writes nothing."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.events.schemas.automations import EventTrigger
{% if cookiecutter.result_storage != "gcs" -%}
from prefect.filesystems import WritableFileSystem
{% endif -%}
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK,
    temporary_settings,
)
{%- if cookiecutter.work_pool_type == "docker" %}
from prefect_docker.worker import DockerWorker
{%- elif cookiecutter.work_pool_type == "kubernetes" %}
from prefect_kubernetes.worker import KubernetesWorker
{%- elif cookiecutter.work_pool_type == "ecs" %}
from prefect_aws.workers import ECSWorker
{%- else %}
from prefect.workers.process import ProcessWorker
{%- endif %}

from {{ cookiecutter.__package_name }} import bootstrap
from {{ cookiecutter.__package_name }}.bootstrap import BASE_JOB_TEMPLATE, POOL_NAME, main
from {{ cookiecutter.__package_name }}.settings import STORAGES
{% if cookiecutter.result_storage == "local" %}
BLOCK = "local-file-system/{{ cookiecutter.project_slug }}"
SETTINGS = {"RESULTS_DIR": "~/results"}
CHANGED, FIELD = {"RESULTS_DIR": "~/other-results"}, "basepath"
{%- elif cookiecutter.result_storage == "s3" %}
BLOCK = "s3-bucket/{{ cookiecutter.project_slug }}"
SETTINGS = {"RESULTS_BUCKET": "results"}
CHANGED, FIELD = {"RESULTS_BUCKET": "other-results"}, "bucket_name"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "the-key-id", "AWS_SECRET_ACCESS_KEY": "the-secret"}
{%- elif cookiecutter.result_storage == "azure" %}
BLOCK = "azure-blob-storage-container/{{ cookiecutter.project_slug }}"
SETTINGS = {
    "RESULTS_CONTAINER": "results",
    "RESULTS_ACCOUNT_URL": "https://account.example",
}
CHANGED, FIELD = {"RESULTS_CONTAINER": "other-results"}, "container_name"
CREDENTIALS = {"AZURE_STORAGE_CONNECTION_STRING": "AccountKey=the-secret"}
{%- elif cookiecutter.result_storage == "gcs" %}
BLOCK = "gcs-bucket/{{ cookiecutter.project_slug }}"
SETTINGS = {"RESULTS_BUCKET": "results"}
CHANGED, FIELD = {"RESULTS_BUCKET": "other-results"}, "bucket"
CREDENTIALS = {"GOOGLE_APPLICATION_CREDENTIALS": "key.json"}
{%- endif %}

pytestmark = pytest.mark.usefixtures("project")
Output = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch


@pytest.fixture
def project(monkeypatch: Patch, tmp_path: Path) -> Iterator[None]:
    """Give each test a copy of what bootstrap reads, settings of its own, and an empty server."""
    template = BASE_JOB_TEMPLATE.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    BASE_JOB_TEMPLATE.parent.mkdir()
    BASE_JOB_TEMPLATE.write_text(template, encoding="utf-8")
{%- if cookiecutter.result_storage == "gcs" %}
    Path("key.json").write_text('{"private_key": "the-secret"}', encoding="utf-8")
{%- endif %}
    monkeypatch.delenv("RESULTS_STORE_CREDENTIALS", raising=False)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    settings = {PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK: BLOCK, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 60}
    with temporary_settings(updates=settings):
        yield
    with get_client(sync_client=True) as client:
        for pool in client.read_work_pools():
            client.delete_work_pool(pool.name)
        for document in client.read_block_documents():
            client.delete_block_document(document.id)
        for automation in client.read_automations():
            client.delete_automation(automation.id)


def test_it_makes_everything_once(capsys: Output) -> None:
    assert main() == 0
    assert printed(capsys) == ["created", "created", "created"]
    assert main() == 0
    assert printed(capsys) == ["unchanged", "unchanged", "unchanged"]


def test_a_changed_setting_reaches_the_block(capsys: Output, monkeypatch: Patch) -> None:
    main()
    for name, value in CHANGED.items():
        monkeypatch.setenv(name, value)
    capsys.readouterr()
    assert main() == 0
    assert printed(capsys) == [f"updated ({FIELD})", "unchanged", "unchanged"]
    assert stored_block()[FIELD] == next(iter(CHANGED.values()))


def test_a_changed_base_job_template_reaches_the_pool(capsys: Output) -> None:
    main()
    template = json.loads(BASE_JOB_TEMPLATE.read_text(encoding="utf-8"))
    template["variables"]["properties"]["env"]["default"] = {"REGION": "north"}
    BASE_JOB_TEMPLATE.write_text(json.dumps(template), encoding="utf-8")
    capsys.readouterr()
    assert main() == 0
    assert "env.default.REGION" in printed(capsys)[1]
    with get_client(sync_client=True) as client:
        assert client.read_work_pool(POOL_NAME).base_job_template == template


def test_the_automation_waits_longer_than_some_heartbeats_take(capsys: Output) -> None:
    main()
    with temporary_settings(updates={PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 600}):
        capsys.readouterr()
        assert main() == 0
    assert printed(capsys) == ["unchanged", "unchanged", "updated"]
    with get_client(sync_client=True) as client:
        (automation,) = client.read_automations()
    assert isinstance(automation.trigger, EventTrigger)
    assert automation.trigger.within == timedelta(seconds=2400)
    assert POOL_NAME in str(automation.trigger.match_related)


def test_a_pool_of_another_type_is_left_alone(capsys: Output) -> None:
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL_NAME, type="another"))
    assert main() == 1
    assert "exists with type another" in capsys.readouterr().err


def test_a_block_that_the_project_cannot_make_is_named(capsys: Output) -> None:
    updates = {PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK: "github-repository/results"}
    with temporary_settings(updates=updates):
        assert main() == 1
    assert "'github-repository'" in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_named(capsys: Output) -> None:
    with temporary_settings(updates={PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert main() == 1
    assert "http://127.0.0.1:9/api" in capsys.readouterr().err


def test_the_base_job_template_configures_what_the_worker_knows() -> None:
    template = bootstrap.base_job_template()
{%- if cookiecutter.work_pool_type == "docker" %}
    workers_own = DockerWorker.get_default_base_job_template()
{%- elif cookiecutter.work_pool_type == "kubernetes" %}
    workers_own = KubernetesWorker.get_default_base_job_template()
{%- elif cookiecutter.work_pool_type == "ecs" %}
    workers_own = ECSWorker.get_default_base_job_template()
{%- else %}
    workers_own = ProcessWorker.get_default_base_job_template()
{%- endif %}
    assert template["job_configuration"].keys() {{ "<=" if cookiecutter.work_pool_type == "ecs" else "==" }} workers_own["job_configuration"].keys()


{% if cookiecutter.result_storage == "gcs" -%}
def test_the_block_has_the_fields_of_its_class() -> None:
    main()
    block_class = STORAGES[BLOCK.split("/")[0]].block_class
    assert stored_block().keys() <= block_class.model_fields.keys()
{%- else -%}
def test_prefect_can_load_the_block() -> None:
    main()
    block_type, name = BLOCK.split("/")
    block = STORAGES[block_type].block_class.load(name)
    assert isinstance(block, WritableFileSystem)
{%- endif %}
{%- if cookiecutter.result_storage != "local" %}


def test_a_missing_setting_is_named(capsys: Output, monkeypatch: Patch) -> None:
    missing = next(iter(SETTINGS))
    monkeypatch.delenv(missing)
    assert main() == 1
    assert capsys.readouterr().err.startswith(f"{missing} is not set: ")


def test_an_unusable_setting_is_named(capsys: Output, monkeypatch: Patch) -> None:
    unusable = next(iter(SETTINGS))
    monkeypatch.setenv(unusable, "No such name!")
    assert main() == 1
    assert capsys.readouterr().err.startswith(f"{unusable} is 'No such name!'")


def test_credentials_are_stored_only_when_asked(capsys: Output, monkeypatch: Patch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    main()
    assert "the-secret" not in str(stored_block())
    monkeypatch.setenv("RESULTS_STORE_CREDENTIALS", "true")
    assert main() == 0
    assert "the-secret" in str(stored_block())
    assert "the-secret" not in capsys.readouterr().out


def test_credentials_to_store_must_be_there(capsys: Output, monkeypatch: Patch) -> None:
    needed = list(CREDENTIALS)[-1]
    for name in CREDENTIALS:
        monkeypatch.setenv(name, CREDENTIALS[name])
    monkeypatch.setenv("RESULTS_STORE_CREDENTIALS", "true")
    monkeypatch.delenv(needed)
    assert main() == 1
    assert capsys.readouterr().err.startswith(f"{needed} is not set: ")
{%- endif %}


def printed(capsys: Output) -> list[str]:
    """Return what became of each thing."""
    return [line.split(": ")[1] for line in capsys.readouterr().out.splitlines()]


def stored_block() -> dict[str, Any]:
    """Return the fields of the storage block as the server has them."""
    block_type, name = BLOCK.split("/")
    with get_client(sync_client=True) as client:
        return client.read_block_document_by_name(name, block_type).data
